import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ProgressBelief,
  ratioPosition,
  showsProgress,
  straightLineMs,
} from '../../src/polling/progress.js';

const sum = (mass: Float64Array) => mass.reduce((a, b) => a + b, 0);
const around = (mass: Float64Array, ratio: number) => {
  const bin = Math.floor(ratioPosition(Math.log(ratio)));
  return sum(mass.slice(bin - 4, bin + 5));
};

describe('progress', () => {
  it('progress is shown by some documents, not by none or all', () => {
    expect([0, 1, 4, 5].map((present) => showsProgress(present, 5))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('progress draws the straight line through what is present', () => {
    expect(straightLineMs(30_000, 3, 4)).toBe(10_000);
  });

  it('progress believes ratios as a distribution, after any observations', () => {
    const time = fc.double({ min: 0, max: 4e6, noNaN: true });
    const observation = fc.tuple(fc.integer({ min: 1, max: 199 }), time, time, time);
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 20 }), (observations) => {
        const progress = new ProgressBelief();
        for (const [present, straightMs, fromMs, width] of observations) {
          const remaining = { fromMs, toMs: fromMs + width + 1 };
          progress.observe(present, 200, straightMs + 1, remaining);
        }
        for (const present of [1, 50, 199]) {
          const mass = progress.ratioMass(present, 200);
          expect(sum(mass)).toBeGreaterThan(0.5);
          expect(sum(mass)).toBeLessThan(1 + 1e-6);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('progress learns how far the straight line is off', () => {
    const progress = new ProgressBelief();
    for (let round = 0; round < 40; round++) {
      progress.observe(5, 10, 10_000, { fromMs: 29_000, toMs: 31_000 });
    }
    expect(around(progress.ratioMass(5, 10), 3)).toBeGreaterThan(0.8);
    expect(around(progress.ratioMass(5, 10), 1)).toBeLessThan(0.2);
  });

  it('progress tells services that show documents one by one from those that do not', () => {
    const silent = new ProgressBelief();
    const telling = new ProgressBelief();
    for (let poll = 0; poll < 200; poll++) {
      silent.countPoll(0);
      telling.countPoll(3);
    }
    expect(silent.visibleShare).toBeLessThan(0.05);
    expect(telling.visibleShare).toBeGreaterThan(0.95);
  });
});
