/** Reads and clears the flags by which the outside reaches a job; see `jobs/flags.ts`. */
import type { Redis } from 'ioredis';
import { type CancelFlag, isMeantForRun, readCancelFlag } from '../../jobs/flags.js';
import { cancelKey, wakeKey } from '../../jobs/redis-keys.js';
import { LuaScript } from '../../redis/lua-script.js';

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

/** Another request may have come since this one was read. */
const DELETE_IF_SAME = new LuaScript<number>(`
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
`);

/**
 * Clears what an earlier run was asked, when a new one begins. A request that came between the
 * operator's retry and now is meant for the new run, and stays.
 */
export async function clearEarlierCancelFlag(
  { redis, config }: FlagStore,
  reference: string,
  entry: { timestamp: number; attemptsMade: number },
): Promise<void> {
  const key = cancelKey(config.QUEUE_PREFIX, reference);
  const value = await redis.get(key);
  if (value === null || isMeantForRun(value, entry)) return;
  await DELETE_IF_SAME.run(redis, [key], [value]);
}
