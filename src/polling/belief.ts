/** What is believed of completion times, learned from earlier uploads of one product type. */
import { DecayedHistogram, type Spread } from './decayed-histogram.js';
import {
  binOf,
  COARSE,
  FINE,
  FINE_PER_COARSE,
  FINE_RATIO,
  massWithin,
  normalize,
  overlapShare,
  type TimeGrid,
} from './time-grid.js';

/** A time that lies in `(fromMs, toMs]`. */
export interface TimeInterval {
  fromMs: number;
  toMs: number;
}

/** Up to 64 documents each power of two has its own histograms. Larger uploads share the last. */
const MAX_SIZE_BUCKET = 6;
/** The forecaster per document takes larger uploads than this for uploads of this size. */
const MAX_DOCUMENTS = 10_000;

const blurOf = (grid: TimeGrid, relative: number) => Math.round(relative / grid.logRatio);

/** Time per document, for all sizes: it knows something about a size that was never seen. */
const PER_DOCUMENT = { halfLife: 40, blurBins: blurOf(COARSE, 0.2) };
/** Follows a change of the service within four uploads. Broad: four uploads cannot say more. */
const QUICK = { halfLife: 4, blurBins: blurOf(COARSE, 0.25) };
/** In observations. */
export const SLOW_HALF_LIFE = 80;
/** Sees a steady service sharply. */
const SLOW = { halfLife: SLOW_HALF_LIFE, blurBins: blurOf(FINE, FINE_RATIO - 1) };

/** Small: a service that changes every few uploads is the exception. */
const FIXED_SHARE = 0.01;
/** A forecaster's fallback counts for this many observations. */
const FALLBACK_COUNT = 0.5;
/** What a forecaster thinks impossible can happen: it then keeps at least this much weight. */
const LEAST_PROBABILITY = 1e-9;
/** The least mass of a bin, so that an interval in which nothing was expected has some. */
const LEAST_MASS = 1e-12;

/** What the three forecasters say. `slow` is a histogram on top of its fallback, `perDocument`. */
interface Forecasts {
  perDocument: Float64Array;
  quick: Float64Array;
  slow: Float32Array | undefined;
  /** The weight of the fallback in the slow forecast, and of one unit of its histogram. */
  slowFallback: number;
  slowUnit: number;
}

/**
 * What is believed of the completion time T of uploads of one product type.
 *
 * It mixes three forecasters. Each is a decayed histogram over the logarithm of time. Two are kept
 * per size of the upload, one that forgets quickly and one that forgets slowly. The third has the
 * time per document, over all sizes. Fixed share gives most weight to the one that fits best, so
 * that steady, drifting and size-dependent services are learned without being told apart. For what
 * it has not seen, each forecaster falls back on a broader one: from size to time per document, and
 * from there to the prior that is passed in.
 *
 * T itself is never observed, only the interval between two polls that holds it. An observation is
 * spread over that interval in proportion to what was believed before.
 */
export class CompletionBelief {
  readonly #perDocument = new DecayedHistogram(COARSE.bins + shiftOf(MAX_DOCUMENTS), PER_DOCUMENT);
  readonly #perSize = new Map<number, { quick: DecayedHistogram; slow: DecayedHistogram }>();
  readonly #weights = equalWeights(3);

  /** Masses over the fine grid for an upload of `total` documents. `prior` is over the coarse one. */
  forecast(total: number, prior: Float64Array): Float64Array {
    return this.#mix(this.#forecasts(total, prior));
  }

  /**
   * Learns that an upload of `total` documents took a time in `interval`. Returns how that was
   * read: a spread over the coarse grid.
   */
  observe(total: number, interval: TimeInterval, prior: Float64Array): Spread {
    const forecasts = this.#forecasts(total, prior);
    const fine = spreadOver(interval, this.#mix(forecasts));
    const coarse = coarsen(fine);
    this.#weigh(forecasts, interval);
    this.#perDocument.add(coarse, shiftOf(MAX_DOCUMENTS) - shiftOf(total));
    const bucket = bucketOf(total);
    const histograms = this.#perSize.get(bucket) ?? {
      quick: new DecayedHistogram(COARSE.bins, QUICK),
      slow: new DecayedHistogram(FINE.bins, SLOW),
    };
    this.#perSize.set(bucket, histograms);
    histograms.quick.add(coarse);
    histograms.slow.add(fine);
    return coarse;
  }

  #weigh(forecasts: Forecasts, { fromMs, toMs }: TimeInterval): void {
    const { perDocument, quick, slow, slowFallback, slowUnit } = forecasts;
    const byDocument = massWithin(COARSE, perDocument, fromMs, toMs);
    const byQuick = massWithin(COARSE, quick, fromMs, toMs);
    const slowInside = slow ? massWithin(FINE, slow, fromMs, toMs) : 0;
    const bySlow = slowFallback * byDocument + slowUnit * slowInside;
    updateFixedShare(
      this.#weights,
      [byDocument, byQuick, bySlow].map((inside) => Math.max(LEAST_PROBABILITY, inside)),
      FIXED_SHARE,
    );
  }

  #forecasts(total: number, prior: Float64Array): Forecasts {
    const shift = shiftOf(MAX_DOCUMENTS) - shiftOf(total);
    const perDocument = forecastOf(this.#perDocument, shift, prior);
    const histograms = this.#perSize.get(bucketOf(total));
    if (!histograms) {
      return { perDocument, quick: perDocument, slow: undefined, slowFallback: 1, slowUnit: 0 };
    }
    const { quick, slow } = histograms;
    const slowFallback = FALLBACK_COUNT / (FALLBACK_COUNT + slow.count);
    return {
      perDocument,
      quick: forecastOf(quick, 0, perDocument),
      slow: slow.mass,
      slowFallback,
      slowUnit: (1 - slowFallback) / sumOf(slow.mass, 0, FINE.bins),
    };
  }

  #mix({ perDocument, quick, slow, slowFallback, slowUnit }: Forecasts): Float64Array {
    const [documentWeight = 0, quickWeight = 0, slowWeight = 0] = this.#weights;
    const perDocumentWeight = documentWeight + slowWeight * slowFallback;
    const unit = slowWeight * slowUnit;
    const mixed = new Float64Array(FINE.bins);
    for (let bin = 0; bin < COARSE.bins; bin++) {
      const sum = perDocumentWeight * (perDocument[bin] ?? 0) + quickWeight * (quick[bin] ?? 0);
      for (let part = bin * FINE_PER_COARSE; part < (bin + 1) * FINE_PER_COARSE; part++) {
        mixed[part] = sum / FINE_PER_COARSE + unit * (slow?.[part] ?? 0);
      }
    }
    return mixed;
  }
}

function bucketOf(total: number): number {
  return Math.min(MAX_SIZE_BUCKET, Math.round(Math.log2(total)));
}

function shiftOf(total: number): number {
  return Math.round(Math.log(Math.min(total, MAX_DOCUMENTS)) / COARSE.logRatio);
}

function sumOf(mass: Float32Array, from: number, bins: number): number {
  let sum = 0;
  for (let bin = from; bin < from + bins; bin++) sum += mass[bin] ?? 0;
  return sum;
}

/** The histogram, read `shift` bins later, and mixed with the fallback while it has seen little. */
function forecastOf(
  { mass, count }: DecayedHistogram,
  shift: number,
  fallback: Float64Array,
): Float64Array {
  const seen = sumOf(mass, shift, COARSE.bins);
  if (!(seen > LEAST_PROBABILITY)) return fallback;
  const fallbackShare = FALLBACK_COUNT / (FALLBACK_COUNT + count);
  const unit = (1 - fallbackShare) / seen;
  const forecast = new Float64Array(COARSE.bins);
  for (let bin = 0; bin < COARSE.bins; bin++) {
    forecast[bin] = fallbackShare * (fallback[bin] ?? 0) + unit * (mass[bin + shift] ?? 0);
  }
  return forecast;
}

function spreadOver({ fromMs, toMs }: TimeInterval, belief: Float64Array): Spread {
  const firstBin = binOf(FINE, fromMs);
  const mass = new Float64Array(binOf(FINE, toMs) - firstBin + 1);
  for (let index = 0; index < mass.length; index++) {
    const bin = firstBin + index;
    mass[index] = LEAST_MASS + (belief[bin] ?? 0) * overlapShare(FINE, bin, fromMs, toMs);
  }
  return { firstBin, mass: normalize(mass) };
}

function coarsen({ firstBin, mass }: Spread): Spread {
  const toCoarse = (fineBin: number) => Math.floor(fineBin / FINE_PER_COARSE);
  const firstCoarse = toCoarse(firstBin);
  const sums = new Float64Array(toCoarse(firstBin + mass.length - 1) - firstCoarse + 1);
  for (let index = 0; index < mass.length; index++) {
    const bin = toCoarse(firstBin + index) - firstCoarse;
    sums[bin] = (sums[bin] ?? 0) + (mass[index] ?? 0);
  }
  return { firstBin: firstCoarse, mass: sums };
}

/**
 * One step of fixed share (Herbster and Warmuth, "Tracking the best expert", 1998), in place.
 *
 * Each forecaster's weight is multiplied with the probability that it gave to what happened. Then
 * `share` of the total is divided equally among all. So the best forecaster leads within a few
 * observations, and one that was wrong for long can lead again soon after the service changes.
 */
export function updateFixedShare(
  weights: Float64Array,
  probabilities: readonly number[],
  share: number,
): void {
  let total = 0;
  for (const [index, weight] of weights.entries()) total += weight * (probabilities[index] ?? 0);
  if (!(total > 0)) return;
  for (const [index, weight] of weights.entries()) {
    const posterior = (weight * (probabilities[index] ?? 0)) / total;
    weights[index] = (1 - share) * posterior + share / weights.length;
  }
}

/** Equal weights for `count` forecasters: where fixed share starts. */
export function equalWeights(count: number): Float64Array {
  return new Float64Array(count).fill(1 / count);
}
