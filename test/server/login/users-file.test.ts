import { expect, it } from 'vitest';
import {
  hashPassword,
  isPassword,
  parsePasswordHash,
} from '../../../src/server/login/password-hash.js';
import { parseUsers } from '../../../src/server/login/users-file.js';

const HASH = await hashPassword('correct horse battery');

it('a hash is that of its password, and of no other', async () => {
  const hash = parsePasswordHash(HASH);
  expect(hash && (await isPassword('correct horse battery', hash))).toBe(true);
  expect(hash && (await isPassword('correct horse', hash))).toBe(false);
  expect(await hashPassword('correct horse battery')).not.toBe(HASH);
});

it('a users file has a person a line, remarks and empty lines, and people without a password', () => {
  const users = parseUsers(`# people\r\n\nalice:${HASH}:operate\r\nbob@example.com:-:view\n`);
  expect([...users.values()]).toMatchObject([
    { name: 'alice', role: 'operate', hash: { costLog2: 15 } },
    { name: 'bob@example.com', role: 'view', hash: null },
  ]);
});

it.each([
  ['canary', 'must be name:hash:role'],
  [`a b:${HASH}:view`, 'the name must be'],
  [`alice:${HASH}:canary`, 'the role must be view or operate'],
  ['alice:canary:view', 'the hash must be one that `atlas-batch user` makes'],
  [`alice:${HASH.replace('ln=15', 'ln=30')}:view`, 'the hash must be'],
  [`alice:-:view\nalice:${HASH}:operate`, 'line 2: a name stands twice'],
  ['# nobody', 'it holds nobody'],
])('a users file with %j is refused, and nothing of it is repeated', (text, issue) => {
  expect(() => parseUsers(text)).toThrow(issue);
  expect(() => parseUsers(text)).not.toThrow(/canary|\$scrypt/);
});
