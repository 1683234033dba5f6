import { expect, test } from 'vitest';
import { aheadByHeader, checkClock } from '../../../src/cli/doctor/check-clock.js';

test.each([
  ['at the start of its second', 0, 0],
  ['in the middle of its second', 900, 0],
  ['before it', -2000, 2000],
  ['after it', 3000, -2000],
])('a Date header read %s is ahead by what its whole seconds prove', (_, passedMs, aheadMs) => {
  const at = Date.parse('Sun, 29 Nov 2026 12:00:00 GMT');
  expect(aheadByHeader(at, at + passedMs)).toBe(aheadMs);
});

test('the doctor says that clocks agree, and not by which tenth of a second', () => {
  const clocks = [
    { whose: 'Redis', aheadMs: -3 },
    { whose: 'S3', aheadMs: 0 },
  ];
  expect(checkClock(clocks)).toEqual([
    { level: 'ok', subject: 'clock', text: 'this host agrees with Redis and S3' },
  ]);
});

test('the doctor names the clock that differs most', () => {
  const readings = [
    { whose: 'Redis', aheadMs: 800 },
    { whose: 'S3', aheadMs: -61_000 },
  ];
  expect(checkClock(readings)[0]).toMatchObject({
    level: 'error',
    text: 'this host is 61 s ahead of S3',
  });
  expect(checkClock([{ whose: 'Redis', aheadMs: 60_000 }])[0]?.level).toBe('ok');
  expect(checkClock([])).toEqual([]);
});
