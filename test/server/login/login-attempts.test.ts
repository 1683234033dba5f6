import { expect, it } from 'vitest';
import { LoginAttempts } from '../../../src/server/login/login-attempts.js';

const isUser = (name: string) => name === 'alice' || name === 'bob';

function tenWrong(attempts: LoginAttempts, name: string, address: string): void {
  for (let i = 0; i < 10; i += 1) attempts.begin(name, address);
}

it('ten wrong passwords lock that name at that address for a minute, and nobody else', () => {
  let now = 0;
  const attempts = new LoginAttempts(isUser, () => now);
  tenWrong(attempts, 'alice', '192.0.2.1');
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(60);
  expect(attempts.lockedFor('bob', '192.0.2.1')).toBe(0);
  expect(attempts.lockedFor('alice', '192.0.2.2')).toBe(0);
  now = 59_000;
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(1);
  now = 60_000;
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(0);
});

it('a try that was right is not counted, and no number of them locks anybody', () => {
  const attempts = new LoginAttempts(isUser, () => 0);
  for (let i = 0; i < 100; i += 1) {
    attempts.begin('alice', '192.0.2.1');
    attempts.passed('alice', '192.0.2.1');
  }
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(0);
});

it('a guesser with many names is remembered in bounded memory, and unlocks nobody with them', () => {
  const attempts = new LoginAttempts(isUser, () => 0);
  tenWrong(attempts, 'alice', '192.0.2.1');
  for (let i = 0; i < 20_000; i += 1) attempts.begin(`name-${i}`, '192.0.2.1');
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(60);
  expect(Object(attempts).ofOthers.size).toBe(5000);
  for (let i = 0; i < 20_000; i += 1) attempts.begin('bob', `2001:db8:0:${i.toString(16)}::1`);
  expect(Object(attempts).ofUsers.size).toBe(5000);
});

it('names that nobody has are locked as others are', () => {
  const attempts = new LoginAttempts(isUser, () => 0);
  tenWrong(attempts, 'nobody', '192.0.2.1');
  expect(attempts.lockedFor('nobody', '192.0.2.1')).toBe(60);
});

it.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
  ['2001:db8::1', '2001:0DB8:0:0:1:2:3:4', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['::1', '::2', true],
  ['::ffff:192.0.2.1', '192.0.2.1', true],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ['192.0.2.1', '192.0.2.2', false],
])('whether wrong passwords from %s lock %s as well: %j', (address, other, isLocked) => {
  const attempts = new LoginAttempts(isUser, () => 0);
  tenWrong(attempts, 'alice', address);
  expect(attempts.lockedFor('alice', other) > 0).toBe(isLocked);
});
