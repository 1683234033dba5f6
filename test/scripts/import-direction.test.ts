import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIOME = join(ROOT, 'node_modules/.bin/biome');

const BELOW = ['errors', 'redis', 'http', 'jobs'];
const ALL_BELOW = [...BELOW, 'atlas', 'storage', 'polling', 'extracts', 'gate'];
const RUNTIME = 'workers/runtime';
const OF_WORKERS = ['workers/batch', 'workers/poll', 'workers/webhook', 'workers/maintenance'];

/** What each part may import of the others. Everything else that is named here it may not. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'logging.ts': ['errors', ...ALL_BELOW],
  'logging/a.ts': ['errors', ...ALL_BELOW],
  'config/config.ts': ALL_BELOW,
  'jobs/a.ts': ['errors'],
  'redis/a.ts': ['errors', 'jobs'],
  'http/a.ts': ['errors', 'jobs'],
  'atlas/a.ts': BELOW,
  'storage/a.ts': BELOW,
  'polling/a.ts': BELOW,
  'extracts/a.ts': BELOW,
  'gate/a.ts': BELOW,
  'batches/a.ts': ALL_BELOW,
  'client/a.ts': [...ALL_BELOW, 'batches'],
  'workers/a.ts': [...ALL_BELOW, 'config', 'batches', RUNTIME, ...OF_WORKERS],
  'workers/deep/a.ts': [...ALL_BELOW, 'config', 'batches', RUNTIME, ...OF_WORKERS],
  'workers/batch/a.ts': [...ALL_BELOW, 'config', 'batches', RUNTIME, 'workers/poll'],
  'workers/poll/a.ts': [...ALL_BELOW, 'config', 'batches', RUNTIME],
  'workers/webhook/a.ts': [...ALL_BELOW, 'config', 'batches', RUNTIME],
  'workers/maintenance/a.ts': [...ALL_BELOW, 'config', 'batches', RUNTIME, 'workers/batch'],
  'workers/runtime/a.ts': [...BELOW, 'config'],
  'server/a.ts': [...ALL_BELOW, 'config', 'batches', 'client'],
  'server/health/a.ts': [...ALL_BELOW, 'config', 'batches', 'client'],
  'cli/a.ts': [
    ...[...ALL_BELOW, 'config', 'batches', 'client', 'server', 'simulator'],
    ...['workers', RUNTIME, ...OF_WORKERS],
  ],
  'cli/commands/a.ts': [
    ...[...ALL_BELOW, 'config', 'batches', 'client', 'server', 'simulator'],
    ...['workers', RUNTIME, ...OF_WORKERS],
  ],
  'index.ts': [
    ...[...ALL_BELOW, 'config', 'batches', 'client'],
    ...['workers', RUNTIME, ...OF_WORKERS],
  ],
  'simulator/a.ts': ['errors'],
  'simulator/s3/a.ts': ['errors'],
};

const FILES = ['errors'];
const PARTS = [
  ...['config', 'jobs', 'redis', 'http', 'atlas', 'storage', 'polling', 'extracts', 'gate'],
  'batches',
  ...['client', 'workers', RUNTIME, ...OF_WORKERS, 'server', 'cli', 'simulator'],
];

/** The importers do not import their own part here: within a part all is allowed. */
function targetsFor(file: string): string[] {
  const own = file.replace(/(\/a|\/config)?\.ts$/, '');
  return [...FILES, ...PARTS].filter((target) => target !== own && !own.startsWith(`${target}/`));
}

function specifier(file: string, target: string): string {
  const up = file.split('/').length === 1 ? './' : '../'.repeat(file.split('/').length - 1);
  return FILES.includes(target) ? `${up}${target}.js` : `${up}${target}/b.js`;
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atlas-batch-lint-'));
  for (const file of ['biome.json', 'biome.imports.json', '.gitignore']) {
    await copyFile(join(ROOT, file), join(folder, file));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(file: string, lines: readonly string[]): Promise<void> {
  const path = join(folder, 'src', file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${lines.join('\n')}\n`);
}

/** `file:line` of each complaint of one rule in the whole folder, paths from `src/` on. */
function complaints(rule: string): Promise<string[]> {
  const args = ['lint', '--reporter=github', '--max-diagnostics=none', '.'];
  return new Promise((resolve) => {
    execFile(BIOME, args, { cwd: folder }, (_failure, stdout) => {
      const found = stdout.matchAll(/title=(lint\/\S+?),file=(\S+?),line=(\d+)/g);
      const own = [...found].filter(([, title]) => title === `lint/${rule}`);
      resolve(own.map(([, , path, line]) => `${path?.split('src/')[1]}:${line}`).sort());
    });
  });
}

test('each part of src imports only the parts below it', async () => {
  const forbidden: string[] = [];
  for (const [file, allowed] of Object.entries(MAY_IMPORT)) {
    const targets = targetsFor(file);
    await write(
      file,
      targets.map((target, i) => `export { x as x${i} } from '${specifier(file, target)}';`),
    );
    for (const [index, target] of targets.entries()) {
      if (!allowed.includes(target)) forbidden.push(`${file}:${index + 1}`);
    }
  }
  expect(await complaints('style/noRestrictedImports')).toEqual(forbidden.sort());
});

test('the import direction holds for types, dynamic imports and the package itself, too', async () => {
  await write('workers/around.ts', [
    "import type { A } from '../simulator/a.js';",
    "export const load = (): Promise<A> => import('../simulator/a.js');",
    "export { b } from 'atlas-batch/simulator';",
  ]);
  const found = await complaints('style/noRestrictedImports');
  expect(found.filter((place) => place.startsWith('workers/around.ts'))).toEqual([
    'workers/around.ts:1',
    'workers/around.ts:2',
    'workers/around.ts:3',
  ]);
});

test('only config/environment.ts reads the environment', async () => {
  const lines = ["import { env } from 'node:process';", 'export const a = [env.A, process.env.B];'];
  await write('config/environment.ts', lines);
  await write('cli/environment.ts', lines);
  const found = await complaints('style/noProcessEnv');
  expect([...new Set(found)]).toEqual(['cli/environment.ts:2']);
});

test('no file imports itself through others, not even a type', async () => {
  await write('jobs/egg.ts', ["import { hen } from './hen.js';", 'export const egg = () => hen;']);
  await write('jobs/hen.ts', ["import { egg } from './egg.js';", 'export const hen = () => egg;']);
  await write('redis/egg.ts', ["import type { Hen } from './hen.js';", 'export type Egg = Hen;']);
  await write('redis/hen.ts', ["import type { Egg } from './egg.js';", 'export type Hen = Egg;']);
  const found = await complaints('suspicious/noImportCycles');
  expect(found).toEqual(['jobs/egg.ts:1', 'jobs/hen.ts:1', 'redis/egg.ts:1', 'redis/hen.ts:1']);
});
