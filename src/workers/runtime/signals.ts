/** Reads and clears the flags by which the outside reaches a job; see `jobs/flags.ts`. */
import type { Redis } from 'ioredis';
import { type CancelFlag, readCancelFlag } from '../../jobs/flags.js';
import { cancelKey, wakeKey } from '../../jobs/redis-keys.js';

/** Where flags are. */
type FlagStore = { redis: Redis; config: { QUEUE_PREFIX: string } };

export interface Flags {
  /** A request to cancel that is meant for this batch. */
  cancelled: CancelFlag | null;
  /** A poll that began before this time (Redis time, ms) is to be repeated. */
  wokenAt: number;
}

/** @param batchTimestamp `timestamp` of the batch job. */
export async function readFlags(
  context: FlagStore,
  reference: string,
  batchTimestamp: number,
): Promise<Flags> {
  return toFlags(await context.redis.mget(flagKeys(context, reference)), batchTimestamp);
}

/** For those who read them together with something else: {@link toFlags} takes the values. */
export function flagKeys({ config }: Pick<FlagStore, 'config'>, reference: string): string[] {
  return [cancelKey(config.QUEUE_PREFIX, reference), wakeKey(config.QUEUE_PREFIX, reference)];
}

export function toFlags(
  [cancel = null, wake = null]: readonly (string | null)[],
  batchTimestamp: number,
): Flags {
  return { cancelled: readCancelFlag(cancel, batchTimestamp), wokenAt: Number(wake ?? 0) };
}

export async function clearCancelFlag(context: FlagStore, reference: string): Promise<void> {
  await context.redis.del(cancelKey(context.config.QUEUE_PREFIX, reference));
}
