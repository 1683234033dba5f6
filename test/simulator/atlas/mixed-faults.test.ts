import { expect, it } from 'vitest';
import { FaultEngine } from '../../../src/simulator/faults.js';
import {
  type AtlasEndpoint,
  type AtlasFaultKind,
  type AtlasRequestView,
  mixedAtlasFaults,
} from '../../../src/simulator/index.js';

const REQUESTS = 30_000;

it.each(['authtoken', 'multiupload', 'extracts'] as const)(
  'mixed faults meet the share of the requests of %s that is wanted, each kind as often as others',
  (endpoint) => {
    const faults = new FaultEngine<AtlasEndpoint, AtlasFaultKind, AtlasRequestView>(1);
    faults.set(mixedAtlasFaults({ rate: 0.3, seed: 7 }));
    let met = 0;
    for (let request = 0; request < REQUESTS; request += 1) {
      if (faults.choose(endpoint, { endpoint, bytes: 0 })) met += 1;
    }
    expect(Math.abs(met / REQUESTS - 0.3)).toBeLessThan(0.02);
    const counts = Object.values(faults.fired());
    const expected = met / counts.length;
    for (const count of counts) {
      expect(count).toBeGreaterThan(expected * 0.6);
      expect(count).toBeLessThan(expected * 1.4);
    }
  },
);

it('mixed faults are the same for the same seed', () => {
  const drawn = (seed: number) => {
    const faults = new FaultEngine<AtlasEndpoint, AtlasFaultKind, AtlasRequestView>(1);
    const told: AtlasFaultKind[] = [];
    faults.set({
      ...mixedAtlasFaults({ rate: 0.5, seed }),
      onFault: ({ fault }) => told.push(fault),
    });
    for (let request = 0; request < 50; request += 1) {
      faults.choose('extracts', { endpoint: 'extracts', bytes: 0 });
    }
    return told;
  };
  expect(drawn(3)).toEqual(drawn(3));
  expect(drawn(3)).not.toEqual(drawn(4));
});
