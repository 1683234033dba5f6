import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromRanges, toRanges } from '../../src/jobs/index-ranges.js';

it.each([
  [[], ''],
  [[0], '0'],
  [[0, 1, 2], '0-2'],
  [[5, 3, 4, 9], '3-5,9'],
  [[1, 1, 2, 2], '1-2'],
])('the indexes %j are written as %j', (indexes, ranges) => {
  expect(toRanges(indexes)).toBe(ranges);
});

it('any set of indexes is read back from its ranges, ascending and without repetition', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 10_000 })), (indexes) => {
      expect(fromRanges(toRanges(indexes))).toEqual([...new Set(indexes)].sort((a, b) => a - b));
    }),
  );
});

it('ten thousand indexes in a row are written as one range', () => {
  expect(toRanges(Array.from({ length: 10_000 }, (_, i) => i))).toBe('0-9999');
});

it.each(['a', '1-', '-1', '1,,2', ' 1'])('the text %j is refused as index ranges', (text) => {
  expect(() => fromRanges(text)).toThrow(/not index ranges/);
});
