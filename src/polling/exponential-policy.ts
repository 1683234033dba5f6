import { clampDelay } from './clamp-delay.js';
import type { PollPolicy } from './poll-policy.js';

/** Doubling is what most clients do, which makes this policy a fair measure for others. */
const GROWTH = 2;

/**
 * A policy that learns nothing: the longest delay doubles with each look from `2 * minMs` up to
 * `maxMs`, and the delay is drawn evenly between `minMs` and it. Jitter over the whole range keeps
 * uploads that were sent together from looking together, from the first look on.
 */
export function createExponentialPolicy(): PollPolicy {
  return {
    nextDelayMs(context) {
      const { minMs, maxMs, looks, random } = context;
      const longestMs = Math.min(maxMs, minMs * GROWTH ** (looks + 1));
      return clampDelay(minMs + random() * (longestMs - minMs), context);
    },
    observe() {},
  };
}
