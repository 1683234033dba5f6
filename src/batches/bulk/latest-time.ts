/**
 * Until when there are batches now. Producers and workers write times by their own clocks, which may be a little ahead of
 * that of Redis: what such a host has added or ended is there all the same, and is meant by an action on all that fit.
 */
import { redisTimeMs } from '../../redis/clock.js';
import { LuaScript } from '../../redis/lua-script.js';
import type { ClientQueues } from '../client-queues.js';
import type { CheckedFilter } from '../lists/batch-filter.js';
import { type BatchSet, setsOf } from '../lists/batch-sets.js';

/**
 * A clock that is further ahead is broken, and what its host has added is left out: until its time has come an action
 * would meet all that others add meanwhile, which nobody has seen.
 */
const MAX_AHEAD_MS = 60_000;

/** Jobs of one call of the script, about 5 ms of Redis. */
const READ_AT_ONCE = 5000;

/**
 * The order of these sets is not that of time, so the time of each job is read. KEYS the set. ARGV what stands before an
 * id in the key of its job, whether the set is a list, the first and the last index. Returns the latest time and how many
 * jobs were read.
 */
const LATEST_ADDED = new LuaScript<[time: string, read: number]>(`
local range = ARGV[2] == '1' and 'LRANGE' or 'ZRANGE'
local ids = redis.call(range, KEYS[1], ARGV[3], ARGV[4])
local latest = 0
for _, id in ipairs(ids) do
  local time = tonumber(redis.call('HGET', ARGV[1] .. id, 'timestamp') or 0) or 0
  if time > latest then latest = time end
end
return { string.format('%.17g', latest), #ids }
`);

/** @returns The time of Redis, or that of the batch with a later one. ms since 1970, whole. */
export async function latestTimeMs(queues: ClientQueues, filter: CheckedFilter): Promise<number> {
  const { sets } = await setsOf(queues, filter, 'newest');
  const [now, ...times] = await Promise.all([
    redisTimeMs(queues.link.redis),
    ...sets.map((set) => (set.isScored ? latestScore(queues, set) : latestAdded(queues, set))),
  ]);
  return latestOf(now, times);
}

/** The latest of these times, unless it is too far ahead. @param now The time of Redis. */
export function latestOf(now: number, times: readonly number[]): number {
  return Math.ceil(Math.min(now + MAX_AHEAD_MS, Math.max(now, ...times)));
}

async function latestScore({ link }: ClientQueues, { key }: BatchSet): Promise<number> {
  const [, time] = await link.redis.zrange(key, '-1', '-1', 'WITHSCORES');
  return Number(time ?? 0);
}

async function latestAdded(
  { batches, link }: ClientQueues,
  { key, isList }: BatchSet,
): Promise<number> {
  let latest = 0;
  for (let first = 0; ; first += READ_AT_ONCE) {
    const args = [batches.toKey(''), isList ? 1 : 0, first, first + READ_AT_ONCE - 1];
    const [time, read] = await LATEST_ADDED.run(link.redis, [key], args);
    latest = Math.max(latest, Number(time));
    if (read < READ_AT_ONCE) return latest;
  }
}
