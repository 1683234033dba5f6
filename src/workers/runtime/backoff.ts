/** How often and how long a job that does not get on is tried again, and what its log says of it. */
import { describeReason, type Reason } from '../../errors.js';

/** An error that nobody foresaw is tried again this often in one run; then it is a bug. */
export const MAX_UNEXPECTED_ERRORS = 10;

/**
 * Exponential back-off with full jitter: the n-th delay is uniform below `baseMs * 2^n`,
 * between `baseMs` and `capMs`. Full jitter spreads thousands of jobs that failed together.
 * @param count Failures in a row, from 1.
 */
export function backoffMs(
  count: number,
  bounds: { baseMs: number; capMs: number },
  random: () => number,
): number {
  const ceiling = Math.min(bounds.capMs, bounds.baseMs * 2 ** Math.min(count, 30));
  return Math.max(bounds.baseMs, Math.round(random() * ceiling));
}

/**
 * A job that its process turned away comes back after this part of what is left until its deadline. So it
 * comes back twenty times in forty seconds, and one of them is to a worker that is well, where there is one.
 */
const RETURNS = 8;
const MIN_RETURN_MS = 1000;

/** A delay, or a share of what is left where that is less: another worker may have the job then. */
export function returnMs(wantedMs: number, leftMs: number): number {
  return Math.min(wantedMs, Math.max(MIN_RETURN_MS, Math.round(leftMs / RETURNS)));
}

/**
 * A line for the first, second, fourth, eighth … error in a row: an outage of an hour must not
 * push everything else out of the log.
 */
export function describeError(count: number, reason: Reason, delayMs: number): string {
  if ((count & (count - 1)) !== 0) return '';
  const times = count === 1 ? '' : ` (${count} times in a row)`;
  return `${describeReason(reason)}${times}, again in ${seconds(delayMs)}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
