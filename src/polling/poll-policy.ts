/**
 * When to poll next: the interface of every poll policy, and the bounds of every delay.
 *
 * A policy gets what is known of one upload and returns a delay. It may learn from observations of
 * finished uploads. All times are in milliseconds, and all randomness is passed in.
 */

/** One poll that found the upload not yet complete. */
export interface NegativePoll {
  /** Since the upload was sent. */
  elapsedMs: number;
  /** Documents that had at least one extract. */
  present: number;
}

/** What is known of one upload when its next poll is planned. */
export interface PollContext {
  productType: string;
  /** Documents of the upload. */
  total: number;
  /** Documents present at the last poll; 0 before the first. */
  present: number;
  /** Since the upload was sent. */
  elapsedMs: number;
  /** Polls made so far. */
  polls: number;
  /** How long Atlas asked us to wait (`Retry-After`); 0 when it did not. */
  retryAfterMs: number;
  /** Bounds of one interval, and the upload's deadline counted from when it was sent. */
  minMs: number;
  maxMs: number;
  deadlineMs: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** How one upload ended: its completion time lies in `(afterMs, byMs]`. */
export interface Observation {
  productType: string;
  total: number;
  /** The last negative poll, since the upload was sent; 0 when the first poll found it complete. */
  afterMs: number;
  /** The poll that found it complete, since the upload was sent. For a time-out: the deadline. */
  byMs: number;
  /** The deadline came first: all that is known of the completion time is that it is later. */
  timedOut: boolean;
  /**
   * When the upload was sent, on the clock that all processes share. From it a policy knows which
   * uploads are still out, and does not take the quick ones for all.
   */
  sentAtMs?: number;
  negativePolls: readonly NegativePoll[];
}

export interface PollPolicy {
  /**
   * Delay until the next poll, within `[max(minMs, retryAfterMs), max(maxMs, retryAfterMs)]` and
   * never past the deadline.
   */
  nextDelayMs(context: PollContext): number;
  /**
   * Delay until a poll that is only a safety net, because Atlas calls when it is done. The upload is
   * very probably complete by then. Bounded as {@link nextDelayMs}.
   */
  safetyNetDelayMs(context: PollContext): number;
  /** Learns from one finished upload. */
  observe(observation: Observation): void;
}

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
