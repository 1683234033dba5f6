import { clampDelay, type PollPolicy } from '../../src/polling/poll-policy.js';

/** Doubling is what most clients do, which makes this policy a fair measure for others. */
const GROWTH = 2;

/**
 * A policy that learns nothing, and the measure for those that do: the longest delay doubles with
 * each poll from `minMs` up to `maxMs`, and the delay is drawn evenly from nothing to it ("full
 * jitter", as most clients' retries have it), never below `minMs`.
 */
export function createExponentialPolicy(): PollPolicy {
  return {
    nextDelayMs(context) {
      const longestMs = Math.min(context.maxMs, context.minMs * GROWTH ** context.polls);
      return clampDelay(context.random() * longestMs, context);
    },
    safetyNetDelayMs: (context) => clampDelay(context.maxMs, context),
    observe() {},
  };
}
