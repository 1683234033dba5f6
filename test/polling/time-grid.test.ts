import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binOf,
  COARSE,
  cumulate,
  FINE,
  FINE_PER_COARSE,
  massWithin,
  normalize,
} from '../../src/polling/time-grid.js';

const times = fc.double({ min: 0, max: 20_000_000, noNaN: true });

describe('the time grids', () => {
  it('the time grids share their range, and every coarse edge is a fine one', () => {
    for (const [bin, edgeMs] of COARSE.edgesMs.entries()) {
      expect(FINE.edgesMs[bin * FINE_PER_COARSE]).toBeCloseTo(edgeMs, 4);
    }
    expect(FINE.edgesMs[FINE.bins]).toBeGreaterThan(3 * 3_600_000);
  });

  it('the time grids place every time in the bin whose edges hold it', () => {
    fc.assert(
      fc.property(times, fc.constantFrom(COARSE, FINE), (timeMs, grid) => {
        const bin = binOf(grid, timeMs);
        expect(grid.edgesMs[bin] ?? 0).toBeLessThanOrEqual(timeMs * (1 + 1e-9));
        if (bin < grid.bins - 1) {
          expect(grid.edgesMs[bin + 1] ?? 0).toBeGreaterThanOrEqual(timeMs * (1 - 1e-9));
        }
      }),
    );
  });

  it('the time grids split mass without losing any', () => {
    const mass = normalize(Float64Array.from({ length: COARSE.bins }, (_, bin) => 1 + (bin % 7)));
    fc.assert(
      fc.property(times, times, (one, other) => {
        const fromMs = Math.min(one, other);
        const toMs = Math.max(one, other);
        const parts = [
          massWithin(COARSE, mass, 0, fromMs),
          massWithin(COARSE, mass, fromMs, toMs),
          massWithin(COARSE, mass, toMs, 1e9),
        ];
        if (toMs > 3 * 3_600_000) return;
        expect(parts.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('the time grids cumulate from 0 to 1 without a step down', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
        (some) => {
          const sums = cumulate(normalize(Float64Array.from([1, ...some])));
          expect(sums[0]).toBe(0);
          expect(sums.at(-1)).toBeCloseTo(1, 9);
          for (let bin = 1; bin < sums.length; bin++) {
            expect(sums[bin] ?? 0).toBeGreaterThanOrEqual(sums[bin - 1] ?? 0);
          }
        },
      ),
    );
  });
});
