import type { TimeInterval } from './belief.js';
import { DecayedHistogram, type Spread } from './decayed-histogram.js';
import { cumulate } from './time-grid.js';

/** Ratios from 1 : 148 to 148 : 1, in bins of 15 %. */
const LOG_FROM = -5;
const LOG_TO = 5;
const RATIO_BINS = 72;
const LOG_WIDTH = (LOG_TO - LOG_FROM) / RATIO_BINS;

/** Before anything is seen the straight line is believed within a factor of about two. */
const PRIOR_LOG_WIDTH = 0.6;
/** Broad, since neighbouring ratios are much alike and intervals are coarse. */
const SETTINGS = { halfLife: 100, blurBins: Math.round(0.4 / LOG_WIDTH) };
/** Observations after which a histogram counts as much as what it falls back on. */
const ALL_HALF_COUNT = 1;
const KIND_HALF_COUNT = 6;

/** Polls with this many halvings left of the smaller side, or more, are alike. */
const MAX_PRECISION = 4;
const PHASES = 3;

/** The lower end of an interval counts as at least this share of its upper end: ratios are logs. */
const LEAST_LOW_SHARE = 0.1;

/** The share of polls that show progress fades with this; it starts as if one poll had shown 0.3. */
const VISIBLE_KEEP = 0.98;
const VISIBLE_START = 0.3;

const PRIOR: readonly number[] = (() => {
  const weights = Array.from({ length: RATIO_BINS }, (_, bin) => {
    const z = (LOG_FROM + (bin + 0.5) * LOG_WIDTH) / PRIOR_LOG_WIDTH;
    return 1 / (1 + z ** 4);
  });
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
})();

/** Where a ratio stands on the grid of ratios: bin number and fraction. */
export function ratioPosition(logRatio: number): number {
  return (logRatio - LOG_FROM) / LOG_WIDTH;
}

/** The time that is left if documents keep coming as they came: t (n - k) / k. */
export function straightLineMs(elapsedMs: number, present: number, total: number): number {
  return (elapsedMs * (total - present)) / present;
}

/** True when `present` documents say something of the others. */
export function showsProgress(present: number, total: number): boolean {
  return present > 0 && present < total;
}

/**
 * What the documents already present say of the time that is left, for one product type.
 *
 * The straight line through k of n at time t leaves t (n - k) / k; the true remaining time is a
 * ratio times that, and the distribution of the ratio is learned: for all polls together, and for
 * polls alike in precision (how many documents both sides of k count) and phase (thirds of n).
 */
export class ProgressBelief {
  readonly #kinds = new Map<string, DecayedHistogram>();
  #polls = 1;
  #pollsWithProgress = VISIBLE_START;

  /** The share of polls, before completion, that show some document: 0 to 1. */
  get visibleShare(): number {
    return this.#pollsWithProgress / this.#polls;
  }

  /** Masses over the bins of the grid of ratios, for a poll of `present` of `total`. Sums to 1. */
  ratioMass(present: number, total: number): Float64Array {
    const mass = Float64Array.from(PRIOR);
    const [all, kind] = kindsOf(present, total);
    mixIn(mass, this.#kinds.get(all), ALL_HALF_COUNT);
    mixIn(mass, this.#kinds.get(kind), KIND_HALF_COUNT);
    return mass;
  }

  /** Counts a poll of an upload of several documents that was not complete. */
  countPoll(present: number): void {
    this.#polls = this.#polls * VISIBLE_KEEP + 1;
    this.#pollsWithProgress = this.#pollsWithProgress * VISIBLE_KEEP + (present > 0 ? 1 : 0);
  }

  /**
   * Learns that `straightMs` were left by the straight line at a poll of `present` of `total`, and
   * that the true remaining time lies in `remaining`.
   */
  observe(present: number, total: number, straightMs: number, remaining: TimeInterval): void {
    const spread = spreadOver(remaining, straightMs, this.ratioMass(present, total));
    for (const kind of kindsOf(present, total)) {
      const histogram = this.#kinds.get(kind) ?? new DecayedHistogram(RATIO_BINS, SETTINGS);
      this.#kinds.set(kind, histogram);
      histogram.add(spread);
    }
  }
}

/** All polls, and polls of one precision and phase: at most 1 + 15 names. */
function kindsOf(present: number, total: number): [string, string] {
  const smallerSide = (present * (total - present)) / total;
  const precision = Math.floor(Math.log2(smallerSide) + 1.5);
  const phase = Math.floor((PHASES * present) / total);
  return ['all', `${Math.max(0, Math.min(MAX_PRECISION, precision))}/${phase}`];
}

function mixIn(
  mass: Float64Array,
  histogram: DecayedHistogram | undefined,
  halfCount: number,
): void {
  if (!histogram) return;
  const share = histogram.count / (histogram.count + halfCount);
  for (let bin = 0; bin < RATIO_BINS; bin++) {
    const seen = (histogram.mass[bin] ?? 0) / histogram.count;
    mass[bin] = (1 - share) * (mass[bin] ?? 0) + share * seen;
  }
}

function spreadOver(
  { fromMs, toMs }: TimeInterval,
  straightMs: number,
  belief: Float64Array,
): Spread {
  const low = Math.log(Math.max(fromMs, toMs * LEAST_LOW_SHARE) / straightMs);
  const firstBin = clampBin(ratioPosition(low));
  const lastBin = Math.max(firstBin, clampBin(ratioPosition(Math.log(toMs / straightMs))));
  const mass = belief.slice(firstBin, lastBin + 1);
  const sum = cumulate(mass)[mass.length] ?? 0;
  for (let index = 0; index < mass.length; index++) {
    mass[index] = sum > 0 ? (mass[index] ?? 0) / sum : 1 / mass.length;
  }
  return { firstBin, mass };
}

function clampBin(position: number): number {
  return Math.max(0, Math.min(RATIO_BINS - 1, Math.floor(position)));
}
