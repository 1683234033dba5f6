/** The poll policy in use: it learns when uploads complete, and polls when a poll is worth it. */
import { parseObservation } from './observation.js';
import { clampDelay, type PollContext, type PollPolicy } from './poll-policy.js';
import { Prior } from './prior.js';
import { ProductKnowledge } from './product-knowledge.js';
import { type OffsetGrid, offsetGrid } from './remaining-time.js';
import { candidatesOf, cheapestSchedule, type FirstPoll, firstPoll } from './schedule.js';
import { FINE_RATIO } from './time-grid.js';

/**
 * One poll is worth 1.5 s of lag. Whoever allows intervals below a second wants shorter lags, so the
 * price shrinks with the interval. It does not grow with it: a long interval is a bound, and not a
 * wish for longer lags.
 */
const MAX_POLL_PRICE_MS = 1_500;
const POLL_PRICE_IN_MIN_INTERVALS = 1.5;
/** The first guess of a completion time. It shrinks as the price does. */
const MAX_GUESS_MS = 10_000;
const GUESS_IN_MIN_INTERVALS = 10;

/** A poll that also shows progress is cheaper: by this share, if all polls show some. */
const PROGRESS_DISCOUNT = 0.4;

/** Jitter may cost this share of a poll's price, which is about 2 % of an upload's cost... */
const JITTER_TOLERANCE = 0.06;
/** ...but it is at least 0.5 % of the delay to either side, to spread bursts, and at most 15 %. */
const LEAST_JITTER = 0.005;
const MOST_JITTER = 0.15;

/**
 * The share of first polls that are early by chance. A late poll finds only that the upload was
 * complete by then: without early polls nobody would notice that a service became faster.
 */
const EARLY_POLL_SHARE = 0.02;

/** A safety net polls when all but one upload in a hundred should be complete. */
const SAFETY_NET_QUANTILE = 0.99;

/** About 60 KiB each, so 15 MiB at most. Real deployments have tens of product types. */
const MAX_PRODUCT_TYPES = 256;
/** 8 KiB each. */
const MAX_COMPLETIONS_KEPT = 32;

/**
 * Uploads share the plan of a poll when they were sent within this share of the shortest interval, as many
 * of their documents are present, and their deadlines fall into one cell. In a burst, hundreds share one plan.
 * Measured side by side at 500 batches of which none completes: a plan for each poll costs 12 % more of a worker's CPU per negative poll.
 */
const ALIKE_IN_MIN_INTERVALS = 0.05;
/** A few numbers each. A burst needs fewer. */
const MAX_PLANS_KEPT = 256;

export interface LearningPolicyOptions {
  /**
   * The shortest interval of the deployment. Below a second it lowers the price of a poll and the
   * first guess. Default: it lowers nothing.
   */
  minMs?: number;
  /** Observations later than this are junk. Default: none is too late. */
  deadlineMs?: number;
  /** What one poll is worth, in milliseconds of lag. Default: 1500, or less with `minMs`. */
  pollPriceMs?: number;
}

/**
 * What the policy knows depends on the observations alone: not on time, chance, or the delays that it
 * was asked for. So the same observations, replayed into a new policy, give the same delays for the
 * same random numbers. The steps of one delay are in the README of this folder.
 */
export function createLearningPolicy({
  minMs = Number.POSITIVE_INFINITY,
  deadlineMs = Number.POSITIVE_INFINITY,
  pollPriceMs = Math.min(MAX_POLL_PRICE_MS, POLL_PRICE_IN_MIN_INTERVALS * minMs),
}: LearningPolicyOptions = {}): PollPolicy {
  const prior = new Prior(Math.min(MAX_GUESS_MS, GUESS_IN_MIN_INTERVALS * minMs));
  const nothing = new ProductKnowledge(prior);
  const products = new BoundedMap<ProductKnowledge>(MAX_PRODUCT_TYPES);
  // The belief changes only with an observation, and many uploads are alike.
  const completions = new BoundedMap<Float64Array>(MAX_COMPLETIONS_KEPT);
  const plans = new BoundedMap<FirstPoll>(MAX_PLANS_KEPT);

  function remainingOf(context: PollContext, knowledge: ProductKnowledge, grid: OffsetGrid) {
    const { productType, total } = context;
    const completion = completions.touch(`${total}/${productType}`, () =>
      knowledge.completion(total),
    );
    return knowledge.remaining(completion, context, grid);
  }

  function plan(context: PollContext, knowledge: ProductKnowledge, leftMs: number): FirstPoll {
    const { minMs, maxMs, present, total } = context;
    const grid = offsetGrid(minMs, leftMs, FINE_RATIO);
    const candidates = candidatesOf(grid.edgesMs, remainingOf(context, knowledge, grid), maxMs);
    const discount = present === 0 && total > 1 ? PROGRESS_DISCOUNT * knowledge.visibleShare : 0;
    const priceMs = pollPriceMs * (1 - discount);
    const schedule = cheapestSchedule(candidates, { priceMs, minMs, maxMs });
    return firstPoll(candidates, schedule, JITTER_TOLERANCE * pollPriceMs);
  }

  /** As {@link plan}, with an earlier moment and a later deadline, both by little. */
  function planAlike(context: PollContext, knowledge: ProductKnowledge, leftMs: number): FirstPoll {
    const { productType, total, present, minMs, maxMs, elapsedMs } = context;
    // So early a little more or less changes what progress promises by much.
    if (present > 0 && elapsedMs < minMs) return plan(context, knowledge, leftMs);
    const late = elapsedMs % (ALIKE_IN_MIN_INTERVALS * minMs);
    const alike = { ...context, elapsedMs: elapsedMs - late };
    const cells = Math.ceil(Math.log((leftMs + late) / minMs) / Math.log(FINE_RATIO));
    const key = `${present}/${total}/${minMs}/${maxMs}/${alike.elapsedMs}/${cells}/${productType}`;
    const { bestMs, earliestMs, latestMs } = plans.touch(key, () =>
      plan(alike, knowledge, minMs * FINE_RATIO ** cells),
    );
    return { bestMs: bestMs - late, earliestMs: earliestMs - late, latestMs: latestMs - late };
  }

  return {
    nextDelayMs(context) {
      const knowledge = products.get(context.productType) ?? nothing;
      const { minMs, elapsedMs } = context;
      const leftMs = context.deadlineMs - elapsedMs;
      if (!(leftMs > minMs)) return clampDelay(leftMs, context);
      return clampDelay(movedByChance(planAlike(context, knowledge, leftMs), context), context);
    },

    safetyNetDelayMs(context) {
      const knowledge = products.get(context.productType) ?? nothing;
      const leftMs = context.deadlineMs - context.elapsedMs;
      if (!(leftMs > context.minMs)) return clampDelay(leftMs, context);
      const grid = offsetGrid(context.minMs, leftMs, FINE_RATIO);
      const remaining = remainingOf(context, knowledge, grid);
      return clampDelay(quantileOf(remaining, grid.edgesMs, SAFETY_NET_QUANTILE), context);
    },

    observe(value) {
      const observation = parseObservation(value, deadlineMs);
      if (!observation) return;
      const knowledge = products.touch(observation.productType, () => new ProductKnowledge(prior));
      prior.learn(knowledge.observe(observation));
      completions.clear();
      plans.clear();
    },
  };
}

/** The end of the first cell by which the sum of the mass reaches the quantile. */
function quantileOf(mass: Float64Array, edgesMs: Float64Array, quantile: number): number {
  let by = 0;
  const cell = mass.findIndex((part) => {
    by += part;
    return by >= quantile;
  });
  return edgesMs[cell + 1] ?? Number.POSITIVE_INFINITY;
}

/** Adds jitter, and now and then makes the first poll an early one. */
function movedByChance(
  { bestMs, earliestMs, latestMs }: FirstPoll,
  { polls, random }: PollContext,
): number {
  const chance = random();
  if (polls === 0 && random() < EARLY_POLL_SHARE) return bestMs * chance;
  const widest = MOST_JITTER * bestMs;
  const least = LEAST_JITTER * bestMs;
  const earlierMs = Math.min(widest, Math.max(least, bestMs - earliestMs));
  const laterMs = Math.min(widest, Math.max(least, latestMs - bestMs));
  return bestMs - earlierMs + chance * (earlierMs + laterMs);
}

/**
 * A map of at most `limit` entries. A new entry removes the one that was touched least recently.
 * Reading is not touching: what is kept depends on what was learned, and never on what was asked.
 */
export class BoundedMap<V> extends Map<string, V> {
  readonly #limit: number;

  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  /** The entry of `key`, which is made if there is none. It is the most recently touched now. */
  touch(key: string, make: () => V): V {
    const value = this.get(key) ?? make();
    this.delete(key);
    this.set(key, value);
    for (const oldest of this.keys()) {
      if (this.size <= this.#limit) break;
      this.delete(oldest);
    }
    return value;
  }
}
