import type { PollContext } from './poll-policy.js';

/** What bounds one delay; a part of {@link PollContext}. */
export type DelayBounds = Pick<
  PollContext,
  'elapsedMs' | 'retryAfterMs' | 'minMs' | 'maxMs' | 'deadlineMs'
>;

/**
 * The nearest allowed delay, in whole milliseconds, to the one that a policy would like.
 *
 * In order of strength: the deadline (a poll is never planned past it, so the answer may be
 * shorter than `minMs` or even 0 there), `Retry-After` (beats `maxMs`), then the interval bounds.
 * A delay that would leave less than `minMs` before the deadline is moved, so that the last poll
 * at the deadline keeps its distance too. A delay that is not a number becomes the longest one.
 */
export function clampDelay(wantedMs: number, bounds: DelayBounds): number {
  const remainingMs = Math.max(0, bounds.deadlineMs - bounds.elapsedMs);
  const shortestMs = Math.ceil(Math.max(bounds.minMs, bounds.retryAfterMs, 0));
  const longestMs = Math.max(shortestMs, bounds.maxMs);
  const delayMs = Number.isNaN(wantedMs)
    ? longestMs
    : Math.min(longestMs, Math.max(shortestMs, Math.round(wantedMs)));
  if (remainingMs - delayMs >= bounds.minMs) return delayMs;
  if (remainingMs <= longestMs) return remainingMs;
  return Math.min(remainingMs, Math.max(shortestMs, Math.floor(remainingMs - bounds.minMs)));
}
