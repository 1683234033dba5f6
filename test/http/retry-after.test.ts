import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from '../../src/http/retry-after.js';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

describe('retryAfterMs', () => {
  it.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['0', 0],
    ['1.5', 1_500],
    ['300', MAX_RETRY_AFTER_MS],
    ['301', MAX_RETRY_AFTER_MS],
    ['99999999999999999999999', MAX_RETRY_AFTER_MS],
    ['9'.repeat(400), MAX_RETRY_AFTER_MS],
    ['Mon, 23 Nov 2026 12:00:30 GMT', 30_000],
    ['Monday, 23-Nov-26 12:00:30 GMT', 30_000],
    ['Mon Nov 23 12:00:30 2026', 30_000],
    ['Mon, 23 Nov 2026 11:59:00 GMT', 0],
    ['Thu, 01 Jan 2099 00:00:00 GMT', MAX_RETRY_AFTER_MS],
  ])('Retry-After %j is %d ms', (header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    '-5',
    '-1.5',
    'soon',
    'Infinity',
    'NaN',
    '1e3',
    '0x10',
    '10, 20',
    'Monday maybe 1',
    'Mon, 99 Foo 2026 12:00:30 GMT',
    '2026-11-23T12:00:30Z',
  ])('Retry-After %j means nothing', (header) => {
    expect(retryAfterMs(header, NOW)).toBeUndefined();
  });

  it('Retry-After stays within its bounds whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String)), fc.integer(), (header, now) => {
        const wait = retryAfterMs(header, now) ?? 0;
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
      }),
    );
  });
});
