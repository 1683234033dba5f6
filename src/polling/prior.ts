/** What is believed of completion times before anything of a product type was observed. */
import { DecayedHistogram, type Spread } from './decayed-histogram.js';
import { COARSE, normalize } from './time-grid.js';

/**
 * How much of the belief about an unknown product type comes from the other types, once they were
 * observed often. Services differ, but less than the broad prior assumes.
 */
const POOL_SHARE = 0.5;
/** Observations after which the pool has half of its share. */
const POOL_HALF_COUNT = 5;
/** Slow and broad (25 %): the pool is about product types in general, not about the last one. */
const POOL_SETTINGS = { halfLife: 200, blurBins: Math.round(0.25 / COARSE.logRatio) };

/** Masses over the coarse grid. */
export class Prior {
  /** The prior without any observation. It never changes. */
  readonly broad: Float64Array;
  /** The prior after observations of other product types. Replaced, never changed in place. */
  pooled: Float64Array;
  readonly #pool = new DecayedHistogram(COARSE.bins, POOL_SETTINGS);

  constructor(guessMs: number) {
    this.broad = broadPrior(guessMs);
    this.pooled = this.broad;
  }

  /** Learns that an upload of any product type took a time that is spread like this. */
  learn(spread: Spread): void {
    this.#pool.add(spread);
    const { count, mass } = this.#pool;
    const share = (POOL_SHARE * count) / (count + POOL_HALF_COUNT);
    const pooled = new Float64Array(COARSE.bins);
    for (let bin = 0; bin < COARSE.bins; bin++) {
      pooled[bin] = (1 - share) * (this.broad[bin] ?? 0) + (share / count) * (mass[bin] ?? 0);
    }
    this.pooled = normalize(pooled);
  }
}

/**
 * A Cauchy distribution of the logarithm of time, centred on `guessMs`. Its tails are so heavy that
 * a service which is a hundred times slower than the guess is found within a few polls.
 */
function broadPrior(guessMs: number): Float64Array {
  const { bins, edgesMs } = COARSE;
  return normalize(
    Float64Array.from({ length: bins }, (_, bin) => {
      const middleMs = ((edgesMs[bin] ?? 0) + (edgesMs[bin + 1] ?? 0)) / 2;
      return 1 / (1 + Math.log(middleMs / guessMs) ** 2);
    }),
  );
}
