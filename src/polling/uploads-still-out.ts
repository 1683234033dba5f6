/** Corrects a belief for uploads that were sent and not observed yet. */
import { SLOW_HALF_LIFE, type TimeInterval } from './belief.js';
import { binOf, COARSE, cumulate, FINE_PER_COARSE, normalize } from './time-grid.js';

/** Enough for a burst of a hundred. Of older ones it is assumed that all like them have ended. */
const MAX_RECENT = 128;
/** The correction must forget as the slow forecaster does. */
const KEEP = 0.5 ** (1 / SLOW_HALF_LIFE);
/** The prior counts for this many observations. */
const PRIOR_COUNT = 2;
/** Where the count of observations starts: the fallback of the belief counts for this many. */
const START_COUNT = 0.5;
/** A quick upload stands for at most 20 that are still out: it may just have been quick. */
const LEAST_PROBABILITY = 0.05;

/**
 * When many uploads are sent at once, the quick ones are observed first. A policy that takes them for
 * all believes again and again that everything ends about now, and polls far too often.
 *
 * An upload that was sent at s is observed by the time t only if it took at most t - s, its window.
 * So each observation stands for `1 / P(T <= window)` uploads; the others are still out, and their T
 * is beyond the window. Statistics call this right truncation. The weights are the self-consistent
 * ones (Turnbull, "The empirical distribution function with arbitrarily grouped, censored and
 * truncated data", 1976), improved by one step with each observation. Beyond all windows the data
 * say nothing, and the prior remains.
 *
 * Now is the latest time of any observation: no clock is read.
 */
export class UploadsStillOut {
  /**
   * The latest completed uploads, in a ring: when each was sent, and the bins of the interval of its
   * completion time. Objects would take six times the memory of these arrays.
   */
  readonly #sentAtMs = new Float64Array(MAX_RECENT);
  readonly #fromBin = new Uint16Array(MAX_RECENT);
  readonly #toBin = new Uint16Array(MAX_RECENT);
  #observed = 0;
  readonly #prior: Float64Array;
  /** The belief about T of all uploads of the product type, those still out included. */
  readonly #completion: Float64Array;
  /** Per bin: the share of observations whose window reaches it, and the mass that is still out. */
  readonly #reached = new Float32Array(COARSE.bins).fill(1);
  readonly #stillOut = new Float32Array(COARSE.bins);
  #nowMs = 0;

  /** `prior` is over the coarse grid. */
  constructor(prior: Float64Array) {
    this.#prior = prior;
    this.#completion = Float64Array.from(prior);
  }

  /** Learns of an upload that was sent at `sentAtMs` and took a time in `interval`. */
  observe(sentAtMs: number, { fromMs, toMs }: TimeInterval): void {
    this.#nowMs = Math.max(this.#nowMs, sentAtMs + toMs);
    const entry = this.#observed % MAX_RECENT;
    this.#sentAtMs[entry] = sentAtMs;
    this.#fromBin[entry] = binOf(COARSE, fromMs);
    this.#toBin[entry] = binOf(COARSE, toMs);
    this.#observed += 1;

    const completion = this.#completion;
    const { seen, out, beyond, count } = this.#weigh();
    for (let bin = 0; bin < COARSE.bins; bin++) {
      const weight = (seen[bin] ?? 0) + (out[bin] ?? 0);
      const prior = PRIOR_COUNT * (this.#prior[bin] ?? 0);
      completion[bin] = prior + (completion[bin] ?? 0) * weight;
    }
    normalize(completion);
    for (let bin = 0; bin < COARSE.bins; bin++) {
      this.#reached[bin] = 1 - Math.min(1, (beyond[bin] ?? 0) / count);
      this.#stillOut[bin] = ((completion[bin] ?? 0) * (out[bin] ?? 0)) / count;
    }
  }

  /** Corrects masses over the fine grid in place. They sum to 1 before and after. */
  correct(mass: Float64Array): Float64Array {
    for (let bin = 0; bin < COARSE.bins; bin++) {
      const reached = this.#reached[bin] ?? 1;
      const stillOut = (this.#stillOut[bin] ?? 0) / FINE_PER_COARSE;
      for (let part = bin * FINE_PER_COARSE; part < (bin + 1) * FINE_PER_COARSE; part++) {
        mass[part] = (mass[part] ?? 0) * reached + stillOut;
      }
    }
    return normalize(mass);
  }

  /**
   * Per bin, in units of the completion belief: `seen` is what the observed intervals add, and `out`
   * what the uploads still out add. `beyond` is the number of observations, of `count` in all, whose
   * window ends before the bin.
   */
  #weigh(): Record<'seen' | 'out' | 'beyond', Float64Array> & { count: number } {
    const seen = new Float64Array(COARSE.bins + 1);
    const out = new Float64Array(COARSE.bins + 1);
    const beyond = new Float64Array(COARSE.bins + 1);
    const sums = cumulate(this.#completion);
    let count = START_COUNT;
    let weight = 1;
    for (let age = 0; age < Math.min(this.#observed, MAX_RECENT); age++) {
      const entry = (this.#observed - 1 - age) % MAX_RECENT;
      const windowBin = binOf(COARSE, this.#nowMs - (this.#sentAtMs[entry] ?? 0)) + 1;
      count += weight;
      addAt(beyond, windowBin, weight);
      // The newest observation is the end of its own window, which says nothing about others.
      if (age > 0) {
        addAt(out, windowBin, weight / Math.max(LEAST_PROBABILITY, sums[windowBin] ?? 1));
      }
      const fromBin = this.#fromBin[entry] ?? 0;
      const toBin = this.#toBin[entry] ?? 0;
      const inside = (sums[toBin + 1] ?? 1) - (sums[fromBin] ?? 0);
      const perMass = weight / Math.max(inside, Number.EPSILON);
      addAt(seen, fromBin, perMass);
      addAt(seen, toBin + 1, -perMass);
      weight *= KEEP;
    }
    return { seen: sumUp(seen), out: sumUp(out), beyond: sumUp(beyond), count };
  }
}

function addAt(steps: Float64Array, bin: number, step: number): void {
  steps[bin] = (steps[bin] ?? 0) + step;
}

/** Turns steps into heights, in place. Rounding must not leave a negative one. */
function sumUp(steps: Float64Array): Float64Array {
  let sum = 0;
  for (let bin = 0; bin < steps.length; bin++) {
    sum += steps[bin] ?? 0;
    steps[bin] = Math.max(0, sum);
  }
  return steps;
}
