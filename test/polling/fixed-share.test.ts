import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalWeights, updateFixedShare } from '../../src/polling/belief.js';

describe('fixed share', () => {
  it('fixed share keeps positive weights that sum to 1, whatever the forecasters said', () => {
    const probability = fc.double({ min: 1e-9, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(probability, probability, probability)), (rounds) => {
        const weights = equalWeights(3);
        for (const round of rounds) updateFixedShare(weights, round, 0.01);
        expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
        expect(Math.min(...weights)).toBeGreaterThan(0);
      }),
    );
  });

  it('fixed share lets the best forecaster lead, and another take over within a few rounds', () => {
    const weights = equalWeights(2);
    for (let round = 0; round < 100; round++) updateFixedShare(weights, [0.9, 0.1], 0.01);
    expect(weights[0]).toBeGreaterThan(0.98);
    for (let round = 0; round < 4; round++) updateFixedShare(weights, [0.1, 0.9], 0.01);
    expect(weights[1]).toBeGreaterThan(0.9);
  });

  it('fixed share changes nothing when nobody gave what happened any chance', () => {
    const weights = Float64Array.of(0.7, 0.3);
    updateFixedShare(weights, [0, 0], 0.01);
    expect([...weights]).toEqual([0.7, 0.3]);
  });
});
