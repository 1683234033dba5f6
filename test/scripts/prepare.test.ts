import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { wayToRedis } from '../../scripts/install-redis.mjs';
import { holdsAll } from '../../scripts/installed-packages.mjs';

const has =
  (...programs: readonly string[]) =>
  (program: string): boolean =>
    programs.includes(program);

test('prepare brings Redis here by apt-get as root, into the project as another user of Debian, and by brew elsewhere', () => {
  const way = (isRoot: boolean, ...there: readonly string[]) =>
    wayToRedis({ isRoot, has: has(...there) });
  expect(way(true, 'apt-get', 'dpkg')).toBe('apt-get');
  expect(way(false, 'apt-get', 'dpkg')).toBe('download');
  expect(way(false, 'brew')).toBe('brew');
  expect(way(true, 'brew')).toBeUndefined();
  expect(way(true)).toBeUndefined();
});

test('no script waits for a pre-script, which npm leaves out with ignore-scripts', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const before = Object.keys(scripts).filter((name) => name.slice('pre'.length) in scripts);
  expect(before).toEqual([]);
});

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a command that runs ends with its children at %s', async ([signal, status]) => {
  const owner = spawn(process.execPath, ['--input-type=module', '-e', RUNS_A_COMMAND], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void owner.kill('SIGKILL'));
  owner.stderr.resume();
  await once(owner.stderr, 'data');
  owner.kill(signal);
  // It closes when nobody holds its standard error any more: the last child is gone.
  expect(await once(owner, 'close')).toEqual([status, null]);
});

/** A shell with a child of its own, as npm has them. */
const RUNS_A_COMMAND = `
import { runCommand } from '${new URL('../../scripts/run-command.mjs', import.meta.url)}';
await runCommand('/bin/sh', ['-c', 'sleep 1000 & echo started; wait']);`;

const WANTED = {
  '': { version: '0.1.0' },
  'node_modules/zod': { version: '4.6.7' },
  'node_modules/a/node_modules/zod': { version: '3.0.0' },
  'node_modules/only-on-macos': { version: '1.0.0', optional: true },
};

test('prepare accepts packages that were installed in another way', () => {
  const installed = {
    'node_modules/zod': { version: '4.6.7' },
    'node_modules/a/node_modules/zod': { version: '3.0.0' },
    'node_modules/extra': { version: '1.0.0' },
  };
  expect(holdsAll(WANTED, installed)).toBe(true);
});

test('prepare installs packages that are missing or of another version', () => {
  expect(holdsAll(WANTED, {})).toBe(false);
  expect(holdsAll(WANTED, { 'node_modules/zod': { version: '4.6.7' } })).toBe(false);
  expect(
    holdsAll(WANTED, {
      'node_modules/zod': { version: '4.6.6' },
      'node_modules/a/node_modules/zod': { version: '3.0.0' },
    }),
  ).toBe(false);
});
