import { expect, test } from 'vitest';
import { installCommands } from '../../scripts/install-redis.mjs';
import { holdsAll } from '../../scripts/installed-packages.mjs';

const has =
  (...programs: readonly string[]) =>
  (program: string): boolean =>
    programs.includes(program);

test('prepare installs Redis by apt-get only as root, and by brew only as another user', () => {
  const programs = (isRoot: boolean, ...there: readonly string[]): string[] =>
    installCommands({ isRoot, has: has(...there) }).map(({ program }) => program);
  expect(programs(true, 'apt-get')).toEqual(['apt-get', 'apt-get']);
  expect(programs(false, 'apt-get')).toEqual([]);
  expect(programs(false, 'brew')).toEqual(['brew']);
  expect(programs(true, 'brew')).toEqual([]);
  expect(programs(true)).toEqual([]);
});

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
