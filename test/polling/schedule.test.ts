import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Candidates,
  candidatesOf,
  cheapestSchedule,
  firstPoll,
  type ScheduleTerms,
} from '../../src/polling/schedule.js';

/** Expected lag plus price of polls of one given list of polls. */
function costOf(polls: readonly number[], { atMs, by, meanMs }: Candidates, priceMs: number) {
  let cost = 0;
  let from = 0;
  for (const to of polls) {
    const before = by[from] ?? 0;
    cost += priceMs * (1 - before);
    cost += (atMs[to] ?? 0) * ((by[to] ?? 0) - before) - ((meanMs[to] ?? 0) - (meanMs[from] ?? 0));
    from = to;
  }
  return cost;
}

/** The cheapest of all lists of polls that hold the bounds and end at the deadline. */
function bruteForce(candidates: Candidates, { priceMs, minMs, maxMs }: ScheduleTerms): number {
  const end = candidates.atMs.length - 1;
  let best = Number.POSITIVE_INFINITY;
  for (let set = 0; set < 2 ** (end - 1); set++) {
    const polls = Array.from({ length: end - 1 }, (_, index) => index + 1)
      .filter((index) => set & (1 << (index - 1)))
      .concat(end);
    const gaps = polls.map(
      (to, index) => (candidates.atMs[to] ?? 0) - (candidates.atMs[polls[index - 1] ?? 0] ?? 0),
    );
    const allowed = gaps.every(
      (gap, index) => gap <= maxMs && (gap >= minMs || index === gaps.length - 1),
    );
    if (allowed) best = Math.min(best, costOf(polls, candidates, priceMs));
  }
  return best;
}

const tinyBelief = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 5 })), {
    minLength: 2,
    maxLength: 9,
  })
  .map((cells): Candidates => {
    const total = cells.reduce((sum, [, weight]) => sum + weight, 1);
    const atMs = [0];
    const by = [0];
    const meanMs = [0];
    for (const [index, [width, weight]] of cells.entries()) {
      const fromMs = atMs.at(-1) ?? 0;
      const part = (weight + (index === cells.length - 1 ? 1 : 0)) / total;
      atMs.push(fromMs + width);
      by.push((by.at(-1) ?? 0) + part);
      meanMs.push((meanMs.at(-1) ?? 0) + part * (fromMs + width / 2));
    }
    return { atMs, by, meanMs };
  });

describe('the cheapest schedule', () => {
  it('the cheapest schedule is what trying every schedule finds', () => {
    const terms = fc.record({
      priceMs: fc.double({ min: 0.01, max: 20, noNaN: true }),
      minMs: fc.integer({ min: 1, max: 4 }),
      // Cells are at most 9 wide, so that from everywhere some candidate lies within bounds.
      maxMs: fc.integer({ min: 13, max: 100 }),
    });
    fc.assert(
      fc.property(tinyBelief, terms, (candidates, some) => {
        const { costs } = cheapestSchedule(candidates, some);
        const best = Math.min(...costs);
        const expected = bruteForce(candidates, some);
        if (expected < Number.POSITIVE_INFINITY) expect(best).toBeCloseTo(expected, 6);
      }),
      { numRuns: 300 },
    );
  });

  it('the cheapest schedule keeps polls apart as the bounds say, up to the deadline', () => {
    fc.assert(
      fc.property(tinyBelief, fc.integer({ min: 1, max: 5 }), (candidates, minMs) => {
        const { next } = cheapestSchedule(candidates, { priceMs: 0.1, minMs, maxMs: 20 });
        const end = candidates.atMs.length - 1;
        for (let from = 0; from < end; from = next[from] ?? end) {
          const to = next[from] ?? end;
          const gap = (candidates.atMs[to] ?? 0) - (candidates.atMs[from] ?? 0);
          expect(to).toBeGreaterThan(from);
          if (to < end) expect(gap).toBeGreaterThanOrEqual(minMs);
          expect(gap).toBeLessThanOrEqual(20);
        }
      }),
    );
  });

  it('the cheapest schedule polls more often when polls are cheap', () => {
    const edgesMs = Float64Array.from({ length: 101 }, (_, index) => index * 1_000);
    const candidates = candidatesOf(edgesMs, new Float64Array(100).fill(0.01), 60_000);
    const polls = (priceMs: number) => {
      const { next } = cheapestSchedule(candidates, { priceMs, minMs: 1_000, maxMs: 60_000 });
      let count = 0;
      for (let at = 0; at < candidates.atMs.length - 1; at = next[at] ?? Infinity) count++;
      return count;
    };
    expect(polls(200)).toBeGreaterThan(2 * polls(5_000));
  });
});

describe('candidates of a belief', () => {
  it('the candidates of a belief keep its mass and mean, in order', () => {
    const edgesMs = Float64Array.from({ length: 301 }, (_, index) => 1_000 * 1.02 ** index);
    edgesMs[0] = 0;
    const mass = Float64Array.from({ length: 300 }, (_, cell) => (cell > 100 ? 1 / 199 : 0));
    const { atMs, by, meanMs } = candidatesOf(edgesMs, mass, 60_000);
    expect(by.at(-1)).toBe(1);
    expect(atMs.length).toBeLessThan(150);
    expect(meanMs.at(-1)).toBeGreaterThan(edgesMs[101] ?? 0);
    for (let index = 1; index < atMs.length; index++) {
      expect(atMs[index]).toBeGreaterThan(atMs[index - 1] ?? 0);
      expect(by[index]).toBeGreaterThanOrEqual(by[index - 1] ?? 0);
    }
  });
});

describe('the first poll', () => {
  it('the first poll of a schedule may move as far as it costs next to nothing', () => {
    const candidates = { atMs: [0, 10, 20, 30, 40], by: [], meanMs: [] };
    const costs = Float64Array.of(Number.POSITIVE_INFINITY, 9, 5, 6, 8);
    const schedule = { costs, next: Int32Array.of(2, 4, 4, 4, 4) };
    expect(firstPoll(candidates, schedule, 2)).toEqual({
      bestMs: 20,
      earliestMs: 15,
      latestMs: 35,
    });
    expect(firstPoll(candidates, schedule, 0)).toEqual({
      bestMs: 20,
      earliestMs: 20,
      latestMs: 20,
    });
  });
});
