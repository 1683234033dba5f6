/** How often and how long a job that does not get on is tried again. */

/** A job whose worker died this often in one run is what kills it. */
export const MAX_STALLS = 20;
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
