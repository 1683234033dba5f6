/** What polling would cost someone who knows every distribution beforehand, but sees no progress. */
import { type Candidates, cheapestSchedule } from '../../src/polling/schedule.js';
import { randomFrom } from '../../src/simulator/random.js';
import type { Scenario } from './scenarios.js';
import { BOUNDS } from './simulate.js';

/** Enough for a smooth distribution of each kind of upload. */
const SAMPLES = 6_000;
const SEED = 77;
/** A schedule through this many quantiles is within a percent of the best... */
const QUANTILES = 150;
/** ...if they are not further apart than this in the tail. */
const WIDEST_RATIO = 1.03;
/** Where no upload completes, candidates still stand this far apart at most. */
const WIDEST_GAP_MS = BOUNDS.maxMs / 6;

/** Expected lag plus price of polls per upload, in seconds. */
export function leastCostS(scenario: Scenario, priceMs: number): number {
  const random = randomFrom(SEED);
  const kinds = new Map<string, number[]>();
  for (let index = 0; index < SAMPLES; index++) {
    const { productType, visibleMs, phase } = scenario.draw(random, index, SAMPLES);
    const kind = `${productType}/${visibleMs.length}/${phase ?? ''}`;
    const times = kinds.get(kind) ?? [];
    times.push(Math.min(BOUNDS.deadlineMs, visibleMs.at(-1) ?? 0));
    kinds.set(kind, times);
  }
  let costMs = 0;
  for (const times of kinds.values()) {
    const { costs } = cheapestSchedule(quantiles(times), { ...BOUNDS, priceMs });
    costMs += (Math.min(...costs) * times.length) / SAMPLES;
  }
  return costMs / 1_000;
}

function quantiles(times: readonly number[]): Candidates {
  const sorted = [...times].sort((a, b) => a - b);
  const atMs = [0];
  const by = [0];
  const meanMs = [0];
  let mean = 0;
  for (const [index, timeMs] of sorted.entries()) {
    mean += timeMs / sorted.length;
    const rank = index + 1;
    const quantile = (count: number) => Math.floor((count * QUANTILES) / sorted.length);
    const followingMs = sorted[rank] ?? Number.POSITIVE_INFINITY;
    const isFar = followingMs > (atMs.at(-1) ?? 0) * WIDEST_RATIO;
    if (quantile(rank) === quantile(index) && !isFar) continue;
    for (let last = atMs.at(-1) ?? 0; timeMs - last > WIDEST_GAP_MS; last += WIDEST_GAP_MS) {
      atMs.push(last + WIDEST_GAP_MS);
      by.push(by.at(-1) ?? 0);
      meanMs.push(meanMs.at(-1) ?? 0);
    }
    atMs.push(timeMs);
    by.push(rank / sorted.length);
    meanMs.push(mean);
  }
  return { atMs, by, meanMs };
}
