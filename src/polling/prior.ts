import { DecayedHistogram, type Spread } from './decayed-histogram.js';
import { COARSE, normalize } from './time-grid.js';

/**
 * Half of what is believed of an unknown product type comes from the others, once they have been
 * seen often: services differ, but less than the broad prior allows for.
 */
const POOL_SHARE = 0.5;
/** Observations after which the pool has half of its share. */
const POOL_HALF_COUNT = 5;
/** Long, and broad (25 %): the pool speaks for product types in general, not for the last one. */
const POOL_SETTINGS = { halfLife: 200, blurBins: Math.round(0.25 / COARSE.logRatio) };

/** What is believed of a product type before anything of it was seen, over the coarse grid. */
export class Prior {
  /** Knows nothing at all; never changes. */
  readonly broad: Float64Array;
  #pooled: Float64Array;
  readonly #pool = new DecayedHistogram(COARSE.bins, POOL_SETTINGS);

  constructor(guessMs: number) {
    this.broad = broadPrior(guessMs);
    this.#pooled = this.broad;
  }

  /** Knows what other product types were like. Replaced, never changed. */
  get pooled(): Float64Array {
    return this.#pooled;
  }

  /** Learns that an upload of some product type took a time that lies like `spread`. */
  learn(spread: Spread): void {
    this.#pool.add(spread);
    const { count, mass } = this.#pool;
    const share = (POOL_SHARE * count) / (count + POOL_HALF_COUNT);
    const pooled = new Float64Array(COARSE.bins);
    for (let bin = 0; bin < COARSE.bins; bin++) {
      pooled[bin] = (1 - share) * (this.broad[bin] ?? 0) + (share / count) * (mass[bin] ?? 0);
    }
    this.#pooled = normalize(pooled);
  }
}

/**
 * A Cauchy distribution of log time centred on `guessMs`: its tails are so heavy that a service a
 * hundred times slower than guessed is found within a few polls.
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
