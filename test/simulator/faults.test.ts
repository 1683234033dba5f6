import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { FaultPlan } from '../../src/simulator/fault-rules.js';
import { FaultEngine } from '../../src/simulator/faults.js';

type Plan = FaultPlan<'a' | 'b', string, { id: number }>;

function engine(plan: Plan, seed = 1) {
  const faults = new FaultEngine<'a' | 'b', string, { id: number }>(seed);
  faults.set(plan);
  return faults;
}

/** Which of so many requests of an endpoint meet which fault. */
function chosen(faults: ReturnType<typeof engine>, requests: number, endpoint: 'a' | 'b' = 'a') {
  return Array.from(
    { length: requests },
    (_, id) => faults.choose(endpoint, { id })?.fault ?? null,
  );
}

it('no fault happens without rules', () => {
  expect(chosen(engine({ rules: [] }), 2)).toEqual([null, null]);
});

it('the first rule that applies decides the fault', () => {
  const rules = [
    { fault: 'b only', endpoint: 'b' as const },
    { fault: 'odd', match: ({ id }: { id: number }) => id % 2 === 1 },
    { fault: 'first two', times: 2 },
  ];
  expect(chosen(engine({ rules }), 6)).toEqual([
    'first two',
    'odd',
    'first two',
    'odd',
    null,
    'odd',
  ]);
  expect(chosen(engine({ rules }), 1, 'b')).toEqual(['b only']);
});

it('faults are counted, and the counts are kept when the rules are cleared', () => {
  const faults = engine({ rules: [{ fault: 'x', times: 3 }] });
  chosen(faults, 5);
  faults.clear();
  expect(chosen(faults, 5)).toEqual([null, null, null, null, null]);
  expect(faults.fired()).toEqual({ x: 3 });
});

it('the same seed brings the same faults, at about the rate of the rule', () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, rate) => {
      const plan = { rate, rules: [{ fault: 'x' }, { fault: 'never', probability: 0 }] };
      const first = chosen(engine(plan, seed), 1000);
      expect(chosen(engine(plan, seed), 1000)).toEqual(first);
      expect(chosen(engine({ ...plan, seed }), 1000)).toEqual(first);
      const hits = first.filter((fault) => fault === 'x').length;
      // Seven standard deviations of the widest binomial.
      expect(Math.abs(hits - 1000 * rate)).toBeLessThan(7 * 16);
    }),
    { numRuns: 30 },
  );
});

it('a rule holds only within its window', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const faults = engine({ rules: [{ fault: 'x', fromMs: 1000, untilMs: 2000 }] });
  const at = (ms: number) => {
    vi.advanceTimersByTime(ms);
    return chosen(faults, 1)[0];
  };
  expect([at(999), at(1), at(999), at(1)]).toEqual([null, 'x', 'x', null]);
});
