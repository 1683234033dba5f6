/** What `npm test` and `npm run demo` do first in a fresh clone: run in one that has the scripts alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { findRedisServer, HOW_TO_INSTALL_REDIS } from '../../scripts/redis-binary.mjs';
import { onTerminal } from '../helpers/on-terminal.js';
import { waitUntil } from '../helpers/wait-until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WITHOUT_REDIS = fileURLToPath(new URL('without-redis.mjs', import.meta.url));
/** Of a machine that has what the tests run on, wherever that is: nothing is brought here. */
const PATH_WITH_REDIS = `${dirname(findRedisServer() ?? '')}:${process.env.PATH}`;
const CTRL_C = '\x03';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clone with blanks-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A clone that nothing was installed into. */
async function cloneScripts(): Promise<string> {
  const clone = await newFolder();
  await cp(join(ROOT, 'scripts'), join(clone, 'scripts'), { recursive: true });
  for (const file of [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    await cp(join(ROOT, file), join(clone, file));
  }
  await mkdir(join(clone, 'src'));
  return clone;
}

async function writeProgram(path: string, script = ''): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

test('a Redis server program is sought on the PATH first, the best known before others, then where it usually is', async () => {
  const [onPath, later, usual] = [await newFolder(), await newFolder(), await newFolder()];
  const search = `${onPath}:${later}`;
  const find = () => findRedisServer(search, [usual]);
  expect(find()).toBeUndefined();
  for (const [folder, name] of [
    [usual, 'valkey-server'],
    [later, 'valkey-server'],
    [usual, 'redis-server'],
    [later, 'redis-server'],
    [onPath, 'redis-server'],
  ] as const) {
    // Each is preferred to those before it.
    expect(find()).not.toBe(join(folder, name));
    const program = await writeProgram(join(folder, name));
    expect(find()).toBe(program);
  }
  await chmod(join(onPath, 'redis-server'), 0o644);
  expect(find()).toBe(join(later, 'redis-server'));
});

test('where nothing can bring a Redis here, what to type is said at once, before anything is installed', async () => {
  const clone = await cloneScripts();
  const bin = await newFolder();
  await symlink('/bin/sh', join(bin, 'sh'));
  const { code, stderr } = await run(
    process.execPath,
    ['--import', WITHOUT_REDIS, 'scripts/prepare.mjs'],
    { cwd: clone, env: { PATH: bin } },
  );
  expect([code, stderr]).toEqual([1, `prepare: ${HOW_TO_INSTALL_REDIS}\n`]);
  expect(HOW_TO_INSTALL_REDIS).toContain('sudo apt-get install -y redis-server');
  expect(existsSync(join(clone, 'node_modules'))).toBe(false);
});

test('where npm cannot install the packages, what to type is said below what it says itself', async () => {
  const clone = await cloneScripts();
  const npm = join(clone, 'npm.js');
  await writeFile(npm, "console.error('npm error no network'); process.exit(1);");
  const { code, stderr } = await run(process.execPath, ['scripts/prepare.mjs'], {
    cwd: clone,
    env: { PATH: PATH_WITH_REDIS, npm_execpath: npm },
  });
  expect([code, stderr.split('\n').slice(1)]).toEqual([
    1,
    [
      'npm error no network',
      'prepare: npm could not install the packages; see above. To try it alone: npm ci',
      '',
    ],
  ]);
});

test('where packages of Debian cannot be fetched, nothing of the attempt stays', async () => {
  const clone = await cloneScripts();
  const bin = await newFolder();
  await writeProgram(join(bin, 'apt-get'), 'echo no network >&2; exit 100');
  await run(process.execPath, ['scripts/download-redis.mjs', join(clone, '.redis')], {
    cwd: clone,
    env: { PATH: `${bin}:${process.env.PATH}` },
  });
  expect((await readdir(clone)).filter((name) => name.startsWith('.redis'))).toEqual([]);
});

async function run(program: string, args: string[], options: { cwd: string; env: object }) {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

/** A program of Node that begins its work, starts a child, and never ends. Its last act is to write who it is. */
const ENDLESS = `
const { spawn } = process.getBuiltinModule('node:child_process');
const { mkdirSync, writeFileSync } = process.getBuiltinModule('node:fs');
const out = process.argv.indexOf('--outDir');
if (out > 0) mkdirSync(process.argv[out + 1] + '/half', { recursive: true });
const child = spawn('sleep', ['1000']);
writeFileSync('pids', process.pid + ' ' + child.pid + ' .');
setInterval(() => {}, 1000);`;

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Types Ctrl-C when that endless program runs. */
async function interrupt(clone: string, child: ChildProcess): Promise<unknown[]> {
  onTestFinished(() => void child.kill('SIGKILL'));
  const closed = once(child, 'close');
  child.stdout?.resume();
  const pids = await waitUntil('the endless program', async () => {
    const text = await readFile(join(clone, 'pids'), 'utf8').catch(() => '');
    return text.endsWith('.') && text.split(' ').slice(0, 2).map(Number);
  });
  child.stdin?.write(CTRL_C);
  const end = await closed;
  await waitUntil('the end of both', () => !pids.some(isAlive));
  return end;
}

function spawnOnTerminal(clone: string, script: string, environment: Record<string, string> = {}) {
  return spawn(...onTerminal(`"${process.execPath}" scripts/${script}`), {
    cwd: clone,
    env: { PATH: PATH_WITH_REDIS, TERM: 'xterm', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

test('Ctrl-C while npm installs packages leaves no npm that goes on alone', async () => {
  const clone = await cloneScripts();
  await writeFile(join(clone, 'npm.js'), ENDLESS);
  const child = spawnOnTerminal(clone, 'prepare.mjs', { npm_execpath: join(clone, 'npm.js') });
  expect(await interrupt(clone, child)).toEqual([130, null]);
});

test('Ctrl-C while sources are compiled leaves no compiler and no folder that is half full', async () => {
  const clone = await cloneScripts();
  await mkdir(join(clone, 'node_modules/typescript/bin'), { recursive: true });
  await writeFile(join(clone, 'node_modules/typescript/bin/tsc'), ENDLESS);
  const child = spawnOnTerminal(clone, 'build.mjs');
  const end = await interrupt(clone, child);
  expect(end).toEqual([130, null]);
  expect((await readdir(clone)).filter((name) => name.startsWith('dist'))).toEqual([]);
});
