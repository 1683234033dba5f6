/** Reads and clears the flags by which the outside reaches a job; see `jobs/flags.ts`. */
import { type CancelFlag, readCancelFlag } from '../../jobs/flags.js';
import { cancelKey, wakeKey } from '../../jobs/redis-keys.js';
import type { WorkerContext } from '../context.js';

export interface Flags {
  /** A request to cancel that is meant for this batch. */
  cancelled: CancelFlag | null;
  /** A poll that began before this time (Redis time, ms) is to be repeated. */
  wokenAt: number;
}

/** @param batchTimestamp `timestamp` of the batch job. */
export async function readFlags(
  context: WorkerContext,
  reference: string,
  batchTimestamp: number,
): Promise<Flags> {
  return toFlags(await context.redis.mget(flagKeys(context, reference)), batchTimestamp);
}

/** For those who read them together with something else: {@link toFlags} takes the values. */
export function flagKeys({ config }: WorkerContext, reference: string): string[] {
  return [cancelKey(config.QUEUE_PREFIX, reference), wakeKey(config.QUEUE_PREFIX, reference)];
}

export function toFlags(
  [cancel = null, wake = null]: readonly (string | null)[],
  batchTimestamp: number,
): Flags {
  return { cancelled: readCancelFlag(cancel, batchTimestamp), wokenAt: Number(wake ?? 0) };
}

export async function clearCancelFlag(
  { redis, config: { QUEUE_PREFIX } }: WorkerContext,
  reference: string,
): Promise<void> {
  await redis.del(cancelKey(QUEUE_PREFIX, reference));
}
