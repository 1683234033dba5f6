import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompletionBelief } from '../../src/polling/belief.js';
import { Prior } from '../../src/polling/prior.js';
import { FINE, massWithin } from '../../src/polling/time-grid.js';

const prior = new Prior(10_000).pooled;
const seconds = (from: number, to: number) => ({ fromMs: from * 1000, toMs: to * 1000 });
const within = (mass: Float64Array, from: number, to: number) =>
  massWithin(FINE, mass, from * 1000, to * 1000);

function learned(count: number, from: number, to: number, total = 1): CompletionBelief {
  const belief = new CompletionBelief();
  for (let round = 0; round < count; round++) belief.observe(total, seconds(from, to), prior);
  return belief;
}

describe('the prior', () => {
  it('the prior gives every completion time a chance', () => {
    expect(prior.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(Math.min(...prior)).toBeGreaterThan(0);
  });

  it('the prior moves half-way to what other product types were like', () => {
    const pooled = new Prior(10_000);
    const before = pooled.pooled;
    for (let round = 0; round < 100; round++) {
      pooled.learn({ firstBin: 150, mass: Float64Array.of(1) });
    }
    expect(before).toBe(pooled.broad);
    expect(pooled.pooled.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(pooled.pooled.slice(140, 161).reduce((a, b) => a + b)).toBeGreaterThan(0.45);
  });
});

describe('the belief about completion times', () => {
  it('the belief about completion times is a distribution after any observations', () => {
    const observation = fc.tuple(
      fc.integer({ min: 1, max: 20_000 }),
      fc.double({ min: 0, max: 5e6, noNaN: true }),
      fc.double({ min: 0.001, max: 5e6, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 20 }), (observations) => {
        const belief = new CompletionBelief();
        for (const [total, fromMs, width] of observations) {
          const spread = belief.observe(total, { fromMs, toMs: fromMs + width }, prior);
          expect(spread.mass.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
        }
        for (const total of [1, 7, 100, 10_000]) {
          const mass = belief.forecast(total, prior);
          expect(mass.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
          expect(Math.min(...mass)).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('the belief about completion times becomes sharp where a service is sharp', () => {
    expect(within(learned(60, 29, 31).forecast(1, prior), 28.5, 31.5)).toBeGreaterThan(0.9);
  });

  it('the belief about completion times follows a service that changed within a few observations', () => {
    const belief = learned(100, 29, 31);
    for (let round = 0; round < 8; round++) belief.observe(1, seconds(110, 130), prior);
    expect(within(belief.forecast(1, prior), 90, 160)).toBeGreaterThan(0.5);
  });

  it('the belief about completion times expects of a new size what it costs per document', () => {
    const belief = learned(30, 19, 21, 10);
    expect(within(belief.forecast(40, prior), 55, 115)).toBeGreaterThan(0.5);
  });

  it('the belief about completion times keeps sizes apart that differ otherwise', () => {
    const belief = learned(40, 9, 11, 1);
    for (let round = 0; round < 40; round++) belief.observe(64, seconds(19, 21), prior);
    expect(within(belief.forecast(1, prior), 8, 12)).toBeGreaterThan(0.7);
    expect(within(belief.forecast(64, prior), 18, 22)).toBeGreaterThan(0.7);
  });
});
