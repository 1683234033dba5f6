/** Reads and clears the flags by which the outside reaches a job; see `jobs/flags.ts`. */
import type { Redis } from 'ioredis';
import { type CancelFlag, isMeantForRun, readCancelFlag, readExtension } from '../../jobs/flags.js';
import { cancelKey, extensionKey, wakeKey } from '../../jobs/keys/redis-keys.js';
import { LuaScript } from '../../redis/lua-script.js';

const FLAG_KEYS = [cancelKey, wakeKey, extensionKey];

/** Where flags are. */
type FlagStore = { redis: Redis; config: { QUEUE_PREFIX: string } };

export interface Flags {
  /** A request to cancel that is meant for this batch. */
  cancelled: CancelFlag | null;
  /** A poll that began before this time (Redis time, ms) is to be repeated. */
  wokenAt: number;
  /** How much more time the batch was given, in ms. */
  extendedMs: number;
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
  return FLAG_KEYS.map((key) => key(config.QUEUE_PREFIX, reference));
}

/**
 * A function for scripts that fetch a job: reads the flags of the batch that our data of the job name first. It
 * returns false for a job of others.
 */
export const READ_FLAGS_LUA = `
local function read_flags(prefix, fields)
  for i = 1, #fields, 2 do
    if fields[i] == 'data' then
      local reference = string.match(fields[i + 1], '^{"v":1,"reference":"([%w._-]+)"')
      if not reference then return false end
      return redis.call('MGET', ${FLAG_KEYS.map((key) => `'${key("' .. prefix .. '", "' .. reference .. '")}'`)})
    end
  end
  return false
end
`;

export function toFlags(
  [cancel = null, wake = null, extension = null]: readonly (string | null)[],
  batchTimestamp: number,
): Flags {
  return {
    cancelled: readCancelFlag(cancel, batchTimestamp),
    wokenAt: Number(wake ?? 0),
    extendedMs: readExtension(extension, batchTimestamp),
  };
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
