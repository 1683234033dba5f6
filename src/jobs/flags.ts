/**
 * Flags: how the outside reaches a job that may be anywhere. A flag is set first and the job
 * promoted after; a job that was busy meanwhile finds the flag before it goes to sleep.
 */

/** Outlives every batch: a batch's deadline and its wait in the queue are hours, not weeks. */
export const CANCEL_FLAG_TTL_MS = 7 * 24 * 3600 * 1000;
/** Outlives every poll, which is all that it has to. */
export const WAKE_FLAG_TTL_MS = 3600 * 1000;

/** A request to cancel. */
export interface CancelFlag {
  /** As the event says it. */
  reason: string;
  /** Where nobody gave a reason: one that was given before is kept, and one that comes later replaces it. */
  isUnreasoned?: true;
  /** Who asked for it. One of an earlier version does not say it. */
  by?: string;
  /** `timestamp` of the batch job that is meant: a later batch of the same reference is not. */
  timestamp: number;
  /** `attemptsMade` of that job when it was asked for. A later run begins with more. */
  attemptsMade: number;
}

/** More time for a batch, in all of its runs. */
export interface ExtensionFlag {
  /** Beyond its deadline, all extensions together. */
  ms: number;
  /** `timestamp` of the batch job that is meant. */
  timestamp: number;
  /** Of the latest requests that it counts. */
  nonces?: string[];
}

/** The request to cancel that is meant for the job of this timestamp, if the value holds one. */
export function readCancelFlag(value: string | null, timestamp: number): CancelFlag | null {
  if (value === null) return null;
  const flag = JSON.parse(value) as CancelFlag;
  return flag.timestamp === timestamp ? flag : null;
}

/** How much more time the job of this timestamp was given, in ms, if the value says so. */
export function readExtension(value: string | null, timestamp: number): number {
  if (value === null) return 0;
  const flag = JSON.parse(value) as ExtensionFlag;
  return flag.timestamp === timestamp ? flag.ms : 0;
}

/** Whether the value holds a request that is meant for the run that begins with these, or a later one. */
export function isMeantForRun(
  value: string,
  { timestamp, attemptsMade }: Pick<CancelFlag, 'timestamp' | 'attemptsMade'>,
): boolean {
  const flag = readCancelFlag(value, timestamp);
  return flag !== null && flag.attemptsMade >= attemptsMade;
}
