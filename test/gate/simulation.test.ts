import { expect, it } from 'vitest';
import { floodAndTrickle } from '../../bench/gate/scenarios.js';
import { type Control, simulate } from '../../bench/gate/simulate.js';

/** Bulk batches at once, of which Atlas has work for some minutes. */
const BULK = 4000;
const LIMIT = 1500;
/** A document takes 30 s at most, and its end is found after 2 s. */
const UPLOAD_S = 32;
/** Of all bulk batches, a millisecond each. */
const INTAKE_S = BULK / 1000;

function run(control: Control) {
  const arrivals = floodAndTrickle(BULK, 300);
  const sent = simulate(arrivals, { control, limit: LIMIT, seed: 1 });
  const longest = (kind: string) =>
    Math.max(
      ...sent.filter((one) => one.kind === kind).map(({ addedS, begunS }) => begunS - addedS),
    );
  const endS = Math.max(...sent.map(({ endedS }) => endedS));
  return { longest, endS, isComplete: sent.length === arrivals.length };
}

it('the simulated gate begins urgent batches within the time of an upload, for which they wait minutes without it, and takes no longer for all', () => {
  const [none, fifo, fair] = [run('none'), run('fifo'), run('fair')];
  expect([none, fifo, fair].every(({ isComplete }) => isComplete)).toBe(true);
  for (const { longest } of [none, fifo]) expect(longest('urgent')).toBeGreaterThan(180);
  expect(fair.longest('urgent')).toBeLessThan(UPLOAD_S + INTAKE_S);
  expect(fair.longest('normal')).toBeLessThan(UPLOAD_S + INTAKE_S);
  expect(fair.endS).toBeLessThan(1.05 * none.endS);
});
