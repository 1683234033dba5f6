import { expect, it } from 'vitest';
import { parseDuration } from '../../src/cli/duration.js';

it.each([
  ['30s', 30_000],
  ['90m', 5_400_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['2', undefined],
  ['2 h', undefined],
  ['-1h', undefined],
  ['1.5h', undefined],
  ['2H', undefined],
  ['', undefined],
])('%j is a duration of %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
