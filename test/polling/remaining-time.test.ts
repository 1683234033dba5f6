import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgressBelief } from '../../src/polling/progress.js';
import {
  offsetGrid,
  probabilityWithin,
  remainingByBoth,
  remainingByHistory,
  remainingByProgress,
} from '../../src/polling/remaining-time.js';
import { binOf, cumulate, FINE, normalize } from '../../src/polling/time-grid.js';

const sum = (mass: Float64Array) => mass.reduce((a, b) => a + b, 0);
/** Completion between 20 s and 40 s, evenly. */
const evenly = cumulate(
  normalize(
    Float64Array.from({ length: FINE.bins }, (_, bin) =>
      bin >= binOf(FINE, 20_000) && bin <= binOf(FINE, 40_000)
        ? (FINE.edgesMs[bin + 1] ?? 0) - (FINE.edgesMs[bin] ?? 0)
        : 0,
    ),
  ),
);
const grid = offsetGrid(1_000, 3_600_000, 1.02);

describe('the time that is left', () => {
  it('the time that is left has cells of some width, also to a deadline that is a power of their ratio', () => {
    const ratio = fc.constantFrom(1.0125, 1.02, 1.05);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), fc.nat(700), ratio, (soonestMs, n, r) => {
        const { edgesMs } = offsetGrid(soonestMs, soonestMs * r ** (n + 1), r);
        expect(edgesMs.slice(1).every((edge, i) => edge > (edgesMs[i] ?? 0))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('the time that is left is a distribution at any moment, by history, by progress, and by both', () => {
    const moment = fc.record({
      elapsedMs: fc.double({ min: 1, max: 2e7, noNaN: true }),
      soonestMs: fc.double({ min: 1, max: 60_000, noNaN: true }),
      factor: fc.double({ min: 1.001, max: 1e5, noNaN: true }),
      straightMs: fc.double({ min: 1, max: 1e8, noNaN: true }),
    });
    const ratios = new ProgressBelief().ratioMass(2, 5);
    fc.assert(
      fc.property(moment, ({ elapsedMs, soonestMs, factor, straightMs }) => {
        const some = offsetGrid(soonestMs, soonestMs * factor, 1.05);
        const history = remainingByHistory(evenly, elapsedMs, some);
        const progress = remainingByProgress(ratios, straightMs, some);
        const both = remainingByBoth(history, progress, elapsedMs, some);
        for (const mass of [history, progress, both]) {
          expect(mass.length).toBe(some.edgesMs.length - 1);
          expect(sum(mass)).toBeCloseTo(1, 9);
          expect(Math.min(...mass)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('the time that is left rules out by history what is past', () => {
    const mass = remainingByHistory(evenly, 30_000, grid);
    expect(probabilityWithin(mass, grid, { fromMs: 0, toMs: 5_000 })).toBeCloseTo(0.5, 1);
    expect(probabilityWithin(mass, grid, { fromMs: 10_500, toMs: 1e7 })).toBeLessThan(0.01);
  });

  it('the time that is left scales ratios with the straight line', () => {
    const ratios = new ProgressBelief().ratioMass(2, 5);
    const near = remainingByProgress(ratios, 10_000, grid);
    const far = remainingByProgress(ratios, 100_000, grid);
    const by = (mass: Float64Array, toMs: number) =>
      probabilityWithin(mass, grid, { fromMs: 0, toMs });
    expect(by(near, 10_000)).toBeCloseTo(0.5, 1);
    expect(by(far, 100_000)).toBeCloseTo(by(near, 10_000), 2);
  });

  it('the time that is left has what comes after the deadline in its last cell', () => {
    const short = offsetGrid(1_000, 5_000, 1.05);
    expect(remainingByHistory(evenly, 10_000, short).at(-1)).toBeGreaterThan(0.99);
  });
});
