/** Puts together what is believed of one product type: history, progress, and their mixture. */
import { CompletionBelief, equalWeights, type TimeInterval, updateFixedShare } from './belief.js';
import type { Spread } from './decayed-histogram.js';
import { thinEvenly } from './observation.js';
import type { NegativePoll, Observation, PollContext } from './poll-policy.js';
import type { Prior } from './prior.js';
import { ProgressBelief, showsProgress, straightLineMs } from './progress.js';
import {
  type OffsetGrid,
  offsetGrid,
  probabilityWithin,
  remainingByBoth,
  remainingByHistory,
  remainingByProgress,
} from './remaining-time.js';
import { cumulate } from './time-grid.js';
import { UploadsStillOut } from './uploads-still-out.js';

/** When documents begin or stop to predict the rest, this follows within tens of observations. */
const FIXED_SHARE = 0.02;
/** What a forecaster thinks impossible can happen. */
const LEAST_PROBABILITY = 1e-6;
/** Scoring needs a coarser grid than planning: cells of 6 %, around the true remaining time. */
const SCORING_RATIO = 1.06;
const SCORING_FIRST = 0.02;
const SCORING_LAST = 20;
/** The polls of one upload say nearly the same of ratios. This bounds the work of learning. */
const MAX_PROGRESS_POLLS = 8;
/** A completion time after the deadline is assumed to be at most this many deadlines. */
const AFTER_DEADLINE = 1.5;

/** Changes only by {@link observe}. */
export class ProductKnowledge {
  readonly #prior: Prior;
  readonly #completion = new CompletionBelief();
  readonly #stillOut: UploadsStillOut;
  readonly #progress = new ProgressBelief();
  /** Weights of the forecasts by history, by progress, and by both. */
  readonly #weights = equalWeights(3);

  constructor(prior: Prior) {
    this.#prior = prior;
    this.#stillOut = new UploadsStillOut(prior.broad);
  }

  /** Of the polls of incomplete uploads with several documents: the share that shows a document. */
  get visibleShare(): number {
    return this.#progress.visibleShare;
  }

  /** The belief about the completion time, as running sums over the fine time grid. */
  completion(total: number): Float64Array {
    return cumulate(this.#stillOut.correct(this.#completion.forecast(total, this.#prior.pooled)));
  }

  /**
   * The belief about the remaining time of one upload, as masses over the cells of `grid`.
   * `completion` is the result of {@link completion} for the same total.
   */
  remaining(
    completion: Float64Array,
    { total, present, elapsedMs }: Pick<PollContext, 'total' | 'present' | 'elapsedMs'>,
    grid: OffsetGrid,
  ): Float64Array {
    if (!showsProgress(present, total)) return remainingByHistory(completion, elapsedMs, grid);
    const poll = { present, elapsedMs };
    const [history, progress, both] = this.#forecasts(completion, total, poll, grid);
    const [byHistory = 0, byProgress = 0, byBoth = 0] = this.#weights;
    return history.map(
      (mass, cell) =>
        byHistory * mass + byProgress * (progress[cell] ?? 0) + byBoth * (both[cell] ?? 0),
    );
  }

  /** Learns from one observation. Returns how its completion time was read. */
  observe(observation: Observation): Spread {
    const { total, afterMs, byMs, timedOut, sentAtMs, negativePolls } = observation;
    const interval: TimeInterval = timedOut
      ? { fromMs: byMs, toMs: byMs * AFTER_DEADLINE }
      : { fromMs: afterMs, toMs: byMs };
    if (total > 1) for (const poll of negativePolls) this.#progress.countPoll(poll.present);
    const withProgress = thinEvenly(
      negativePolls.filter(({ present }) => showsProgress(present, total)),
      MAX_PROGRESS_POLLS,
    );
    if (!timedOut && withProgress.length > 0) this.#observeProgress(total, withProgress, interval);
    if (sentAtMs !== undefined) this.#stillOut.observe(sentAtMs, interval);
    return this.#completion.observe(total, interval, this.#prior.pooled);
  }

  #observeProgress(
    total: number,
    polls: readonly NegativePoll[],
    { fromMs, toMs }: TimeInterval,
  ): void {
    const completion = this.completion(total);
    const remainingAfter = ({ elapsedMs }: NegativePoll): TimeInterval => ({
      fromMs: Math.max(0, fromMs - elapsedMs),
      toMs: toMs - elapsedMs,
    });
    for (const poll of polls) {
      const interval = remainingAfter(poll);
      const grid = offsetGrid(
        interval.toMs * SCORING_FIRST,
        interval.toMs * SCORING_LAST,
        SCORING_RATIO,
      );
      const probabilities = this.#forecasts(completion, total, poll, grid).map(
        (mass) => LEAST_PROBABILITY + probabilityWithin(mass, grid, interval),
      );
      updateFixedShare(this.#weights, probabilities, FIXED_SHARE);
    }
    for (const poll of polls) {
      const straightMs = straightLineMs(poll.elapsedMs, poll.present, total);
      this.#progress.observe(poll.present, total, straightMs, remainingAfter(poll));
    }
  }

  /** By history, by progress, and by both. */
  #forecasts(
    completion: Float64Array,
    total: number,
    { present, elapsedMs }: NegativePoll,
    grid: OffsetGrid,
  ): [Float64Array, Float64Array, Float64Array] {
    const history = remainingByHistory(completion, elapsedMs, grid);
    const progress = remainingByProgress(
      this.#progress.ratioMass(present, total),
      straightLineMs(elapsedMs, present, total),
      grid,
    );
    return [history, progress, remainingByBoth(history, progress, elapsedMs, grid)];
  }
}
