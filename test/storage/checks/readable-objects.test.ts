import { expect, it } from 'vitest';
import { ReadableObjects } from '../../../src/storage/checks/readable-objects.js';

const LONGEST_KEY = 1024;

it('what was read is known, for as long as its names take little memory', () => {
  const readable = new ReadableObjects();
  const keyOf = (n: number) => String(n).padStart(LONGEST_KEY, '-');
  for (let n = 0; n < 4000; n += 1) {
    readable.note('scans', keyOf(n));
    readable.note('scans', keyOf(0));
  }
  expect(readable.has({ bucket: 'scans', key: keyOf(1) })).toBe(true);
  expect(readable.has({ bucket: 'other', key: keyOf(1) })).toBe(false);
  for (let n = 4000; n < 5000; n += 1) readable.note('scans', keyOf(n));
  expect(readable.has({ bucket: 'scans', key: keyOf(1) })).toBe(false);
  expect(readable.has({ bucket: 'scans', key: keyOf(4999) })).toBe(true);
});
