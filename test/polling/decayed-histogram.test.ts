import { describe, expect, it } from 'vitest';
import { DecayedHistogram } from '../../src/polling/decayed-histogram.js';

const settings = { halfLife: 3, blurBins: 2 };
const at = (firstBin: number) => ({ firstBin, mass: Float64Array.of(1) });
const sum = (mass: Float32Array) => mass.reduce((a, b) => a + b, 0);

describe('a decayed histogram', () => {
  it('a decayed histogram keeps the mass of an observation, blurred evenly to both sides', () => {
    const histogram = new DecayedHistogram(11, settings);
    histogram.add(at(5));
    expect(sum(histogram.mass)).toBeCloseTo(1, 6);
    expect([...histogram.mass].map((part) => Math.round(part * 9))).toEqual([
      0, 0, 0, 1, 2, 3, 2, 1, 0, 0, 0,
    ]);
  });

  it('a decayed histogram counts an observation half after its half-life', () => {
    const histogram = new DecayedHistogram(40, settings);
    histogram.add(at(5));
    for (let times = 0; times < 3; times++) histogram.add(at(30));
    expect(sum(histogram.mass.slice(0, 20))).toBeCloseTo(0.5, 6);
    expect(histogram.count).toBeCloseTo(sum(histogram.mass), 5);
  });

  it('a decayed histogram moves what it adds, and loses what falls off the ends', () => {
    const histogram = new DecayedHistogram(10, settings);
    histogram.add(at(5), -2);
    expect(histogram.mass.indexOf(Math.max(...histogram.mass))).toBe(3);
    histogram.add(at(5), 50);
    expect(sum(histogram.mass)).toBeLessThan(1);
  });
});
