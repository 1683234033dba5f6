import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { satisfies } from 'semver';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testRedis } from '../helpers/redis.js';

/** Some 160 packages are installed, from npm's cache or a registry that may be slow. */
const TIMEOUT_MS = 600_000;
const SCRIPT = 'test/consumer/from-install-to-results.sh';
const LOADED_MODULES = fileURLToPath(new URL('../helpers/loaded-modules.mjs', import.meta.url));
/** As `engines` of the package has it. */
const OLDEST_NODE = '20.19.0';
/**
 * What `import 'atlas-batch'` loaded before there was an entry of the client, at commit b28ec5f,
 * measured in the same way. The client is to load a third of it at most.
 */
const MODULES_BEFORE = 873;

const run = promisify(execFile);

let folder: string;
let script: ChildProcess | undefined;
let installed: { code: unknown; output: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atlas-batch-package-'));
  // What the package would be published as, from `dist` as it is.
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', pack);
  installed = await runScript(join(folder, stdout.trim()));
}, TIMEOUT_MS);
afterAll(async () => {
  // A test that was given up: the script, and all that it has started.
  if (script?.pid !== undefined && script.exitCode === null) process.kill(-script.pid, 'SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

/** Runs the script to its end. */
async function runScript(tarball: string): Promise<{ code: unknown; output: string }> {
  const { url, prefix } = testRedis();
  const child = spawn(SCRIPT, [tarball, folder], {
    env: { ...process.env, REDIS_URL: url, QUEUE_PREFIX: prefix },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  script = child;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

it('the installed package goes from install to results in one script, from TypeScript, ESM and CommonJS', () => {
  const { code, output } = installed;
  expect(code, output).toBe(0);
  const printed = output.split('\n').filter((line) => line.startsWith('{'));
  const types = [expect.any(String), expect.any(String)];
  expect(printed.map((line) => JSON.parse(line))).toEqual([
    { reference: 'sent-from-esm', added: 'added', ended: 'completed', types },
    { reference: 'sent-from-cjs', added: 'added', ended: 'completed', types },
    {
      status: 'added',
      refused: expect.stringMatching(/redisUrl is undefined.*REDIS_URL/),
      isOneClass: true,
      kinds: ['function', 'function'],
    },
  ]);
  expect(output).toMatch(/^sent-from-cjs +completed/m);
});

it('npm warns of no package that wants a newer Node than ours, without overrides of the app', () => {
  expect(installed.output).not.toMatch(/EBADENGINE/);
  const lock = readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8');
  const packages: [string, { engines?: { node?: string } }][] = Object.entries(
    JSON.parse(lock).packages,
  );
  expect(packages.length).toBeGreaterThan(100);
  const tooNew = packages.filter(
    ([, { engines }]) => !satisfies(OLDEST_NODE, engines?.node ?? '*'),
  );
  expect(tooNew).toEqual([]);
});

async function modulesOf(...names: string[]): Promise<string[]> {
  const { stdout } = await run(process.execPath, [LOADED_MODULES, ...names], { cwd: folder });
  const paths = new Set(stdout.split('\n').filter((path) => path !== ''));
  return [...paths].map((path) => path.slice(path.lastIndexOf('/node_modules/') + 1));
}

it('the client entry loads a third of the modules at most, and none of worker, server or command line', async () => {
  const modules = await modulesOf('atlas-batch/client');
  expect(modules).toContain('node_modules/atlas-batch/dist/client/client.js');
  expect(modules.length).toBeLessThanOrEqual(MODULES_BEFORE / 3);
  expect(notOfClient(modules)).toEqual([]);
});

it('what the first client loads has no module of worker, server or command line either', async () => {
  const session = './node_modules/atlas-batch/dist/client/session.js';
  const modules = await modulesOf('atlas-batch/client', session);
  expect(modules).toContain('node_modules/bullmq/dist/cjs/classes/queue.js');
  expect(notOfClient(modules)).toEqual([]);
});

/** Modules that an app which only adds batches has no use for. */
function notOfClient(modules: readonly string[]): string[] {
  const ours =
    /^node_modules\/atlas-batch\/dist\/(cli|server|simulator|workers|config|atlas|polling)\b/;
  const others =
    /^node_modules\/(@bull-board|fastify|@fastify|jose|pino|prom-client|undici|commander)\b/;
  return modules.filter((path) => ours.test(path) || others.test(path));
}
