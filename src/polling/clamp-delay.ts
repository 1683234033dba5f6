import type { PollContext } from './poll-policy.js';

/** What bounds one delay. */
export type DelayBounds = Pick<
  PollContext,
  'elapsedMs' | 'retryAfterMs' | 'minMs' | 'maxMs' | 'deadlineMs'
>;

/**
 * The allowed delay that is nearest to the wanted one, in whole milliseconds.
 *
 * The deadline is the strongest bound: no poll is planned past it, so near it the delay may be
 * shorter than `minMs`, and even 0. Next comes `Retry-After`, which may exceed `maxMs`. The bounds
 * of the interval come last. A delay that would leave less than `minMs` until the deadline is moved,
 * so that the last poll, at the deadline, keeps its distance too. NaN becomes the longest delay.
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
