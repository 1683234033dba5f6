import { describe, expect, it } from 'vitest';
import { Prior } from '../../src/polling/prior.js';
import { FINE, massWithin, normalize } from '../../src/polling/time-grid.js';
import { UploadsStillOut } from '../../src/polling/uploads-still-out.js';

const { broad } = new Prior(10_000);
/** A belief that has seen quick uploads only. */
const quickOnly = () =>
  normalize(
    Float64Array.from({ length: FINE.bins }, (_, bin) =>
      (FINE.edgesMs[bin] ?? 0) < 12_000 ? 1 : 1e-6,
    ),
  );

describe('the correction for uploads still out', () => {
  it('the correction for uploads still out changes nothing before the first observation', () => {
    const mass = new UploadsStillOut(broad).correct(quickOnly());
    expect(Math.max(...mass.map((part, bin) => part - (quickOnly()[bin] ?? 0)))).toBeLessThan(
      1e-12,
    );
  });

  it('the correction for uploads still out does not take the first of a burst for all of it', () => {
    const stillOut = new UploadsStillOut(broad);
    for (let upload = 0; upload < 20; upload++) {
      stillOut.observe(1_000_000, { fromMs: 9_000, toMs: 10_000 + upload * 100 });
    }
    const mass = stillOut.correct(quickOnly());
    expect(mass.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(massWithin(FINE, quickOnly(), 12_000, 1e8)).toBeLessThan(0.01);
    expect(massWithin(FINE, mass, 12_000, 1e8)).toBeGreaterThan(0.2);
  });

  it('the correction for uploads still out takes them for all once the others had the time to be heard of', () => {
    const stillOut = new UploadsStillOut(broad);
    for (let upload = 0; upload < 120; upload++) {
      stillOut.observe(1_000_000 + upload * 15_000, { fromMs: 9_000, toMs: 11_000 });
    }
    expect(massWithin(FINE, stillOut.correct(quickOnly()), 12_000, 1e8)).toBeLessThan(0.1);
  });
});
