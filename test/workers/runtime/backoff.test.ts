import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs, returnMs } from '../../../src/workers/runtime/backoff.js';

const bounds = { baseMs: 1000, capMs: 60_000 };

it('the backoff stays within its bounds, however often a job failed', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (count, random) => {
        const delay = backoffMs(count, bounds, () => random);
        expect(delay).toBeGreaterThanOrEqual(bounds.baseMs);
        expect(delay).toBeLessThanOrEqual(bounds.capMs);
      },
    ),
  );
});

it('the backoff doubles its ceiling with every failure, up to the cap', () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 7].map((count) => backoffMs(count, bounds, () => 0.999999));
  expect(ceilings).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

it('the backoff spreads jobs that failed together over the whole interval', () => {
  expect([0, 0.5, 0.75].map((random) => backoffMs(6, bounds, () => random))).toEqual([
    1000, 30_000, 45_000,
  ]);
});

it('a job that is turned away comes back many times before its deadline, and not in a rush', () => {
  let returns = 0;
  for (let leftMs = 40_000; leftMs > 0; leftMs -= returnMs(30_000, leftMs)) returns += 1;
  expect(returns).toBe(21);
  expect(returnMs(30_000, 3_600_000)).toBe(30_000);
  expect(returnMs(2000, 8000)).toBe(1000);
});
