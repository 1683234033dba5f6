import { expect, it } from 'vitest';
import { LoginAttempts } from '../../../src/server/login/login-attempts.js';

function tenWrong(attempts: LoginAttempts, name: string, address: string): void {
  for (let i = 0; i < 10; i += 1) attempts.begin(name, address);
}

it('ten wrong passwords lock that name at that address for a minute, and nobody else', () => {
  let now = 0;
  const attempts = new LoginAttempts(() => now);
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
  const attempts = new LoginAttempts(() => 0);
  for (let i = 0; i < 100; i += 1) {
    attempts.begin('alice', '192.0.2.1');
    attempts.passed('alice', '192.0.2.1');
  }
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(0);
});

it('a guesser with many names is remembered in bounded memory', () => {
  const attempts = new LoginAttempts(() => 0);
  for (let i = 0; i < 20_000; i += 1) attempts.begin(`name-${i}`, '192.0.2.1');
  tenWrong(attempts, 'alice', '192.0.2.1');
  expect(attempts.lockedFor('alice', '192.0.2.1')).toBe(60);
  expect(Object(attempts).failures.size).toBe(5000);
});
