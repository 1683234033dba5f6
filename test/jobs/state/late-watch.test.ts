import { expect, it } from 'vitest';
import { watchJobId } from '../../../src/jobs/ids.js';
import { nextWatchAt } from '../../../src/jobs/state/late-watch.js';
import { readRunMode } from '../../../src/jobs/state/run-mode.js';

it('late documents are awaited at six times, each half as far from the end as the one after', () => {
  const times: number[] = [];
  for (let at = nextWatchAt(1000, 3200, null); at !== null; at = nextWatchAt(1000, 3200, at))
    times.push(at);
  expect(times).toEqual([1100, 1200, 1400, 1800, 2600, 4200]);
});

it('a poll that a callback woke comes before the next time, and takes its place by none', () => {
  expect(nextWatchAt(1000, 3200, 1250)).toBe(1400);
  expect(nextWatchAt(1000, 3200, 9999)).toBeNull();
});

it('a watch of another time has another id', () => {
  expect(watchJobId({ reference: 'loan-1', since: 36 })).toBe('watch-loan-1@10');
});

it("a run is late only when the flag means that very run, and an operator's in all other cases", () => {
  const run = { timestamp: 1, attemptsMade: 2 };
  const flag = (more: object) => JSON.stringify({ mode: 'late', ...run, ...more });
  expect(readRunMode(flag({}), run)).toBe('late');
  for (const other of [
    flag({ attemptsMade: 1 }),
    flag({ timestamp: 2 }),
    flag({ mode: 'operator' }),
    '',
    null,
  ])
    expect(readRunMode(other, run)).toBe('operator');
});
