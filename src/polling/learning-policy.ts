import { BoundedMap } from './bounded-map.js';
import { clampDelay } from './clamp-delay.js';
import { parseObservation } from './observation.js';
import type { PollContext, PollPolicy } from './poll-policy.js';
import { Prior } from './prior.js';
import { ProductKnowledge } from './product-knowledge.js';
import { offsetGrid } from './remaining-time.js';
import { candidatesOf, cheapestSchedule, type FirstPoll, firstPoll } from './schedule.js';

/** The default of `POLL_MIN_MS`, and the scale of the two numbers below. */
const USUAL_MIN_MS = 1_000;
/**
 * One poll is worth 1.5 s of lag where polls may follow each other after 1 s. Who allows shorter
 * intervals cares about shorter lags, so the price shrinks with them; it does not grow, as a long
 * interval is a bound and not a wish.
 */
const POLL_PRICE_IN_MIN_INTERVALS = 1.5;
/** A first guess of a completion time, in the same scale: 10 s. */
const GUESS_IN_MIN_INTERVALS = 10;

/** A poll that also brings progress is worth more than its price; this much, if all polls do. */
const PROGRESS_DISCOUNT = 0.4;

/** Cells as fine as the sharpest belief: 1.25 %. */
const PLANNING_RATIO = 1.0125;
/** Jitter uses what costs at most this share of a poll's price: about 2 % of an upload's cost... */
const JITTER_TOLERANCE = 0.06;
/** ...but at least 0.5 % and at most 15 % of the delay either way, so that bursts always spread. */
const LEAST_JITTER = 0.005;
const MOST_JITTER = 0.15;

/**
 * First polls that come early by chance. When polls come late, all that is ever seen is "complete
 * by then"; without early polls a service that became faster would never be noticed.
 */
const EARLY_POLL_SHARE = 0.02;

/** A safety net polls when all but one in a hundred should be complete, and their callbacks here. */
const SAFETY_NET_QUANTILE = 0.99;

/** At about 60 KiB each, 15 MiB at most; real deployments have tens of product types. */
const MAX_PRODUCT_TYPES = 256;
/** 8 KiB each. */
const MAX_COMPLETIONS_KEPT = 32;

/**
 * First polls are planned alike for uploads that were sent within this share of the shortest
 * interval, and whose deadlines fall into one cell: in a burst, one plan does for hundreds.
 */
const ALIKE_IN_MIN_INTERVALS = 0.05;
/** A few numbers each; sizes and moments of a burst are fewer. */
const MAX_FIRST_POLLS_KEPT = 256;

export interface LearningPolicyOptions {
  /** The deployment's shortest interval, which sets the scale of what is not known yet. */
  minMs?: number;
  /** Observations later than this are junk. Default: none is too late. */
  deadlineMs?: number;
  /** What one poll is worth, in milliseconds of lag. Default: 1500, or less with `minMs`. */
  pollPriceMs?: number;
}

/**
 * A policy that learns when uploads complete, and polls when a poll is worth it.
 *
 * What it knows is a fold over the observations: nothing else changes it, neither time nor chance
 * nor the delays it was asked for. So the same observations, replayed into a new policy, give the
 * same delays (for the same random numbers). It plans one delay in four steps:
 *
 * 1. what is believed of the completion time, learned per product type and size (`belief.ts`,
 *    `uploads-still-out.ts`), given that it is later than now;
 * 2. what the documents already present say of the time that is left (`progress.ts`,
 *    `remaining-time.ts`);
 * 3. the cheapest schedule of polls for that belief: lag against polls (`schedule.ts`);
 * 4. its first poll, moved by chance within what costs next to nothing, and brought within bounds
 *    (`clamp-delay.ts`).
 */
export function createLearningPolicy({
  minMs = USUAL_MIN_MS,
  deadlineMs = Number.POSITIVE_INFINITY,
  pollPriceMs = POLL_PRICE_IN_MIN_INTERVALS * Math.min(USUAL_MIN_MS, minMs),
}: LearningPolicyOptions = {}): PollPolicy {
  const prior = new Prior(GUESS_IN_MIN_INTERVALS * Math.min(USUAL_MIN_MS, minMs));
  const nothing = new ProductKnowledge(prior);
  const products = new BoundedMap<ProductKnowledge>(MAX_PRODUCT_TYPES);
  // Between two observations the belief stands still, and many uploads are alike.
  const completions = new Map<string, Float64Array>();

  function completionOf({ productType, total }: PollContext, knowledge: ProductKnowledge) {
    const key = `${total}/${productType}`;
    const known = completions.get(key);
    if (known) return known;
    if (completions.size >= MAX_COMPLETIONS_KEPT) completions.clear();
    const completion = knowledge.completion(total);
    completions.set(key, completion);
    return completion;
  }

  const firstPolls = new Map<string, FirstPoll>();

  function plan(context: PollContext, knowledge: ProductKnowledge, leftMs: number): FirstPoll {
    const { minMs, maxMs, present, total } = context;
    const grid = offsetGrid(minMs, leftMs, PLANNING_RATIO);
    const remaining = knowledge.remaining(completionOf(context, knowledge), context, grid);
    const candidates = candidatesOf(grid.edgesMs, remaining, maxMs);
    const brings = present === 0 && total > 1 ? PROGRESS_DISCOUNT * knowledge.visibleShare : 0;
    const priceMs = pollPriceMs * (1 - brings);
    const schedule = cheapestSchedule(candidates, { priceMs, minMs, maxMs });
    return firstPoll(candidates, schedule, JITTER_TOLERANCE * pollPriceMs);
  }

  /** As {@link plan}, from a moment that is a little earlier, and up to a deadline a little later. */
  function planFirst(context: PollContext, knowledge: ProductKnowledge, leftMs: number): FirstPoll {
    const { productType, total, minMs, maxMs, elapsedMs } = context;
    const late = elapsedMs % (ALIKE_IN_MIN_INTERVALS * minMs);
    const alike = { ...context, elapsedMs: elapsedMs - late };
    const cells = Math.ceil(Math.log((leftMs + late) / minMs) / Math.log(PLANNING_RATIO));
    const key = `${total}/${minMs}/${maxMs}/${alike.elapsedMs}/${cells}/${productType}`;
    let poll = firstPolls.get(key);
    if (poll === undefined) {
      if (firstPolls.size >= MAX_FIRST_POLLS_KEPT) firstPolls.clear();
      poll = plan(alike, knowledge, minMs * PLANNING_RATIO ** cells);
      firstPolls.set(key, poll);
    }
    const { bestMs, earliestMs, latestMs } = poll;
    return { bestMs: bestMs - late, earliestMs: earliestMs - late, latestMs: latestMs - late };
  }

  return {
    nextDelayMs(context) {
      const knowledge = products.get(context.productType) ?? nothing;
      const { minMs, elapsedMs, polls, present } = context;
      const leftMs = context.deadlineMs - elapsedMs;
      if (!(leftMs > minMs)) return clampDelay(leftMs, context);
      const planned = polls === 0 && present === 0 ? planFirst : plan;
      return clampDelay(movedByChance(planned(context, knowledge, leftMs), context), context);
    },

    safetyNetDelayMs(context) {
      const knowledge = products.get(context.productType) ?? nothing;
      const leftMs = context.deadlineMs - context.elapsedMs;
      if (!(leftMs > context.minMs)) return clampDelay(leftMs, context);
      const grid = offsetGrid(context.minMs, leftMs, PLANNING_RATIO);
      const remaining = knowledge.remaining(completionOf(context, knowledge), context, grid);
      return clampDelay(quantileOf(remaining, grid.edgesMs, SAFETY_NET_QUANTILE), context);
    },

    observe(value) {
      const observation = parseObservation(value, deadlineMs);
      if (!observation) return;
      const knowledge = products.touch(observation.productType, () => new ProductKnowledge(prior));
      prior.learn(knowledge.observe(observation));
      completions.clear();
      firstPolls.clear();
    },
  };
}

/** The end of the first cell by which this much of the mass, which sums to 1, has come. */
function quantileOf(mass: Float64Array, edgesMs: Float64Array, quantile: number): number {
  let by = 0;
  const cell = mass.findIndex((part) => {
    by += part;
    return by >= quantile;
  });
  return edgesMs[cell + 1] ?? Number.POSITIVE_INFINITY;
}

/** Jitter, and now and then an early poll instead of the planned first one. */
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
