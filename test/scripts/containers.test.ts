import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { randomPort } from '../../scripts/free-port.js';
import { loadConfig } from '../../src/config/environment.js';
import { testRedis } from '../helpers/redis.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

const SERVICE = z.object({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()),
  volumes: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.record(z.string(), z.unknown()).default({}),
  network_mode: z.string().optional(),
  profiles: z.array(z.string()).default([]),
});
const COMPOSE = z
  .object({ services: z.record(z.string(), SERVICE), volumes: z.record(z.string(), z.null()) })
  .parse(parse(read('docker-compose.yml'), { merge: true }));

function service(name: string): z.infer<typeof SERVICE> {
  const found = COMPOSE.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

test('the compose file names only what exists', () => {
  const names = Object.keys(COMPOSE.services);
  for (const { build, volumes, depends_on, network_mode } of Object.values(COMPOSE.services)) {
    if (build !== undefined) expect(existsSync(join(ROOT, build, 'Dockerfile'))).toBe(true);
    for (const source of volumes.map((volume) => volume.split(':')[0] ?? '')) {
      const exists = source.startsWith('.')
        ? existsSync(join(ROOT, source))
        : source in COMPOSE.volumes;
      expect(exists, source).toBe(true);
    }
    expect(names).toEqual(expect.arrayContaining(Object.keys(depends_on)));
    if (network_mode !== undefined) expect(names).toContain(network_mode.split(':')[1]);
  }
});

test('the Redis of the compose file evicts nothing and is persistent', () => {
  const command = service('redis').command.join(' ');
  expect(command).toContain('--appendonly yes');
  expect(command).toContain('--maxmemory-policy noeviction');
});

test('the service of the compose file needs no profile, and the demo no file of variables', () => {
  expect(service('worker').profiles).toEqual([]);
  expect(service('demo').profiles).toEqual(['demo']);
  expect(() => loadConfig(service('demo-worker').environment)).not.toThrow();
});

test('the example of variables is a valid configuration', () => {
  expect(loadConfig(parseEnv(read('.env.example')))).toMatchObject({
    RESULTS_BUCKET: 'atlas-results',
  });
});

test('the image is built from files that exist and that .dockerignore lets in', () => {
  const dockerfile = read('Dockerfile');
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, list]) => list?.split(' ') ?? [],
  );
  const letIn = read('.dockerignore').split('\n');
  expect(sources).toContain('src');
  for (const source of sources) {
    expect(existsSync(join(ROOT, source)), source).toBe(true);
    expect(letIn, source).toContain(`!${source.split('/')[0]}`);
  }
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage);
  for (const [, stage] of dockerfile.matchAll(/--from=(\S+)/g)) expect(stages).toContain(stage);
  expect(dockerfile).toContain('CMD ["node", "scripts/healthcheck.mjs"]');
  expect(dockerfile).toContain('ENTRYPOINT ["node", "dist/cli.js"]');
});

/** Runs a container's command as it is, but with ports, paths and Redis of this test. */
function run(name: string, replacements: ReadonlyMap<string, string>): ChildProcess {
  const { command, environment } = service(name);
  const replace = (text: string) =>
    [...replacements].reduce((result, [from, to]) => result.replaceAll(from, to), text);
  const variables = Object.entries(environment).map(([key, value]) => [key, replace(value)]);
  const child = spawn(process.execPath, ['dist/cli.js', ...command.map(replace)], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...Object.fromEntries(variables) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

function collect(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return () => output;
}

test("the demo's commands run outside of containers as they do inside", async () => {
  const { url, prefix } = testRedis();
  const replacements = new Map([
    ['4010', String(randomPort())],
    ['4020', String(randomPort())],
    ['5000', '300'],
    ['/documents', join(ROOT, 'examples/documents')],
    ['/manifest.json', join(ROOT, 'examples/manifest.json')],
    ['redis://redis:6379', url],
    ['{atlas-demo}', prefix],
  ]);
  const simulator = collect(run('simulator', replacements));
  await vi.waitFor(() => expect(simulator()).toContain('ATLAS_BASE_URL'), 10_000);
  run('demo-worker', replacements);
  const demo = run('demo', replacements);
  const output = collect(demo);
  const code = await new Promise((resolve) => demo.on('close', resolve));
  expect(output()).toContain('sample-1: completed');
  expect(code, output()).toBe(0);
}, 60_000);
