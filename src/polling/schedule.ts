/**
 * When to poll, given the belief about the remaining time. This problem is called optimal inspection.
 *
 * Each poll costs a price, up to the one that finds the upload complete, and that one also costs the
 * lag since completion. Barlow, Hunter and Proschan ("Optimum checking
 * procedures", 1963) showed that the best times balance the two; Keller ("Optimum checking
 * schedules for systems subject to random failure", 1974) that for a smooth density f with
 * survival S they lie about `sqrt(2 * price * S / f)` apart: dense where completion is likely.
 * Beliefs here are not smooth, and intervals have bounds. So the problem is solved exactly, by
 * dynamic programming over candidate times. Pure.
 */

/** Between two candidates lies about this share of the belief... */
const MASS_PER_CANDIDATE = 1 / 64;
/** ...and in empty stretches they are no further apart than this ratio. */
const WIDEST_RATIO = 1.15;
/** Rounding must not break a bound of an interval. */
const SLACK = 1e-6;

/** Possible moments of a poll. Entry 0 is now, and the last is the deadline. */
export interface Candidates {
  atMs: readonly number[];
  /** P(remaining time <= atMs): 0 first, 1 last (the deadline ends the wait). */
  by: readonly number[];
  /** E[remaining time; remaining time <= atMs], in milliseconds. */
  meanMs: readonly number[];
}

export interface ScheduleTerms {
  /** What one poll is worth, in milliseconds of lag. */
  priceMs: number;
  minMs: number;
  maxMs: number;
}

export interface Schedule {
  /** For each candidate as the first poll: the expected lag plus the price of all polls. */
  costs: Float64Array;
  /** For each candidate: the one to poll next. `next[0]` is the first poll. */
  next: Int32Array;
}

/** Picks candidates from a belief. `edgesMs` has one entry more than `mass`, which sums to 1. */
export function candidatesOf(edgesMs: Float64Array, mass: Float64Array, maxMs: number): Candidates {
  const atMs = [0];
  const by = [0];
  const meanMs = [0];
  let sum = 0;
  let mean = 0;
  let unspent = 0;
  let last = 0;
  for (let cell = 0; cell < mass.length; cell++) {
    const part = mass[cell] ?? 0;
    const endMs = edgesMs[cell + 1] ?? 0;
    const isLast = cell === mass.length - 1;
    sum += part;
    unspent += part;
    // What completes after the deadline has no lag.
    mean += part * (isLast ? endMs : (endMs + (edgesMs[cell] ?? 0)) / 2);
    const following = edgesMs[cell + 2] ?? endMs;
    if (
      cell === 0 ||
      isLast ||
      unspent + (mass[cell + 1] ?? 0) / 2 >= MASS_PER_CANDIDATE ||
      following > last * WIDEST_RATIO ||
      following - last > maxMs
    ) {
      atMs.push(endMs);
      by.push(isLast ? 1 : sum);
      meanMs.push(mean);
      unspent = 0;
      last = endMs;
    }
  }
  return { atMs, by, meanMs };
}

/** The cheapest schedule through at least two candidates. */
export function cheapestSchedule(candidates: Candidates, terms: ScheduleTerms): Schedule {
  const { atMs, by, meanMs } = candidates;
  const end = atMs.length - 1;
  const shortestMs = terms.minMs - SLACK;
  const longestMs = terms.maxMs + SLACK;
  // The cost that remains after a poll at each candidate that found the upload not complete.
  const rest = new Float64Array(end + 1);
  const next = new Int32Array(end + 1).fill(end);
  const costs = new Float64Array(end + 1).fill(Number.POSITIVE_INFINITY);
  for (let from = end - 1; from >= 0; from--) {
    const fromMs = atMs[from] ?? 0;
    const fromBy = by[from] ?? 0;
    const fromMean = meanMs[from] ?? 0;
    const pollMs = terms.priceMs * (1 - fromBy);
    let best = Number.POSITIVE_INFINITY;
    for (let to = from + 1; to <= end; to++) {
      const toMs = atMs[to] ?? 0;
      const gapMs = toMs - fromMs;
      if (gapMs < shortestMs && to < end) continue;
      if (gapMs > longestMs && best < Number.POSITIVE_INFINITY) break;
      const lagMs = toMs * ((by[to] ?? 0) - fromBy) - ((meanMs[to] ?? 0) - fromMean);
      // Lag grows with a later poll, so no later one can be better.
      if (lagMs > best && from > 0) break;
      const cost = lagMs + (rest[to] ?? 0);
      if (from === 0) costs[to] = cost + pollMs;
      if (cost < best) {
        best = cost;
        next[from] = to;
      }
    }
    rest[from] = best + pollMs;
  }
  return { costs, next };
}

/** The first poll of a schedule: the best delay, and bounds within which others cost little more. */
export interface FirstPoll {
  bestMs: number;
  earliestMs: number;
  latestMs: number;
}

/** The first poll, and the stretch around it in which a poll costs at most `toleranceMs` more. */
export function firstPoll(
  { atMs }: Candidates,
  { costs, next }: Schedule,
  toleranceMs: number,
): FirstPoll {
  const best = next[0] ?? 1;
  const limit = (costs[best] ?? 0) + toleranceMs;
  const reach = (step: 1 | -1): number => {
    let at = best;
    for (;;) {
      const further = at + step;
      const cost = further >= 1 ? (costs[further] ?? Infinity) : Infinity;
      if (cost === Number.POSITIVE_INFINITY) return atMs[at] ?? 0;
      if (cost > limit) {
        const share = (limit - (costs[at] ?? 0)) / (cost - (costs[at] ?? 0));
        return (atMs[at] ?? 0) + share * ((atMs[further] ?? 0) - (atMs[at] ?? 0));
      }
      at = further;
    }
  };
  return { bestMs: atMs[best] ?? 0, earliestMs: reach(-1), latestMs: reach(1) };
}
