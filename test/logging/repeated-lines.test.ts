import { beforeEach, expect, it, vi } from 'vitest';
import { createRepeatedWarnings } from '../../src/logging/repeated-lines.js';

const INTERVAL_MS = 10_000;

beforeEach(() => {
  vi.useFakeTimers();
  return () => void vi.useRealTimers();
});

function record() {
  const lines: { message: string; repeated: unknown }[] = [];
  const warn = createRepeatedWarnings({
    warn: (fields, message) =>
      void lines.push({ message, repeated: Reflect.get(fields, 'repeated') }),
  });
  return { lines, warn };
}

it('the logger writes equal lines once at first, and then every ten seconds with their count', () => {
  const { lines, warn } = record();
  for (let time = 0; time < 1000; time += 1) warn(new Error('OOM'), 'a queue failed');
  expect(lines).toEqual([{ message: 'a queue failed', repeated: undefined }]);
  vi.advanceTimersByTime(INTERVAL_MS);
  expect(lines[1]).toEqual({ message: 'a queue failed (999 times more)', repeated: 999 });
  warn(new Error('OOM'), 'a queue failed');
  vi.advanceTimersByTime(INTERVAL_MS);
  expect(lines[2]).toMatchObject({ repeated: 1 });
  expect(lines).toHaveLength(3);
});

it('the logger writes a line at once again when it has not come for ten seconds', () => {
  const { lines, warn } = record();
  warn(new Error('OOM'), 'a queue failed');
  vi.advanceTimersByTime(INTERVAL_MS);
  warn(new Error('OOM'), 'a queue failed');
  expect(lines).toHaveLength(2);
});

it('the logger takes lines for equal that differ in ids only, and no others', () => {
  const { lines, warn } = record();
  warn(new Error('could not renew lock for job batch-1'), 'a queue failed');
  warn(new Error('could not renew lock for job batch-2'), 'a queue failed');
  warn(new Error('READONLY'), 'a queue failed');
  warn(new Error('READONLY'), 'another queue failed');
  expect(lines.map(({ message }) => message)).toEqual([
    'a queue failed',
    'a queue failed',
    'another queue failed',
  ]);
});

// The square of this length takes half a minute, and its length a part of a second.
it('the logger compares lines in a time that grows with their length, whatever they hold', {
  timeout: 10_000,
}, () => {
  const { lines, warn } = record();
  const long = 'x'.repeat(80_000);
  warn(new Error(`${long} at s3://kyc/${long}`), 'a queue failed');
  warn(new Error(`${long} at s3://kyc/other`), 'a queue failed');
  expect(lines).toHaveLength(1);
});
