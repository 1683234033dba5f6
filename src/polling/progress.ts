/** What the documents that are already present say about the remaining time. */
import type { TimeInterval } from './belief.js';
import { DecayedHistogram, type Spread } from './decayed-histogram.js';
import { normalize } from './time-grid.js';

/** Ratios from 1 : 148 to 148 : 1, in bins of 15 %. */
const LOG_FROM = -5;
const LOG_TO = 5;
const RATIO_BINS = 72;
const LOG_WIDTH = (LOG_TO - LOG_FROM) / RATIO_BINS;

/** Without observations the straight line is believed to be right within a factor of about two. */
const PRIOR_LOG_WIDTH = 0.6;
/** Broad, because neighbouring ratios are similar and intervals are coarse. */
const SETTINGS = { halfLife: 100, blurBins: Math.round(0.4 / LOG_WIDTH) };
/** After this many observations a histogram has the same weight as its fallback. */
const ALL_HALF_COUNT = 1;
const KIND_HALF_COUNT = 6;

/** Polls whose smaller side can be halved this often, or more often, are of one kind. */
const MAX_PRECISION = 4;
const PHASES = 3;

/** The least lower end of an interval, as a share of its upper end: 0 has no logarithm. */
const LEAST_LOW_SHARE = 0.1;

/** The share of polls that show progress: how it fades, and where it starts. */
const VISIBLE_KEEP = 0.98;
const VISIBLE_START = 0.3;

const PRIOR = normalize(
  Float64Array.from({ length: RATIO_BINS }, (_, bin) => {
    const z = (LOG_FROM + (bin + 0.5) * LOG_WIDTH) / PRIOR_LOG_WIDTH;
    return 1 / (1 + z ** 4);
  }),
);

/** The place of a ratio on the grid of ratios: the number of the bin, and a fraction. */
export function ratioPosition(logRatio: number): number {
  return (logRatio - LOG_FROM) / LOG_WIDTH;
}

/** The remaining time if documents keep coming at the same rate: t (n - k) / k. */
export function straightLineMs(elapsedMs: number, present: number, total: number): number {
  return (elapsedMs * (total - present)) / present;
}

/** Whether `present` documents say something about the others. */
export function showsProgress(present: number, total: number): boolean {
  return present > 0 && present < total;
}

/**
 * Learns the remaining time from documents that are present, for one product type.
 *
 * When k of n documents are present at time t, a straight line leaves t (n - k) / k. The true
 * remaining time is a ratio times that. The distribution of the ratio is learned, for all polls
 * together and for each kind of poll. A kind is a precision (how many documents the smaller of k and
 * n - k is) and a phase (the third of n that k is in).
 */
export class ProgressBelief {
  readonly #kinds = new Map<string, DecayedHistogram>();
  #polls = 1;
  #pollsWithProgress = VISIBLE_START;

  /** Of the polls before completion, the share that shows a document: 0 to 1. */
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
   * Learns from a poll that found `present` of `total`: the straight line left `straightMs`, and the
   * true remaining time lies in `remaining`.
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

/** The kind of all polls, and the kind of one precision and phase: at most 1 + 15 names. */
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
  return { firstBin, mass: normalize(belief.slice(firstBin, lastBin + 1)) };
}

function clampBin(position: number): number {
  return Math.max(0, Math.min(RATIO_BINS - 1, Math.floor(position)));
}
