/** Keeps jobs locked for as long as they run. */
import type { Redis } from 'ioredis';
import { LOCK_DURATION_MS } from '../../jobs/queues.js';
import { LuaScript } from '../../redis/lua-script.js';

/** Redis may miss three renewals before a lock runs out. */
export const RENEWAL_INTERVAL_MS = LOCK_DURATION_MS / 4;

/**
 * Renews locks that are ours, by commands that a full Redis takes: BullMQ's own script would need
 * memory. Returns the ids of jobs whose lock is not ours. ARGV: the time, then token and id of each job.
 */
const RENEW = new LuaScript<string[]>(`
local lost = {}
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[2 * i - 2] then
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
    redis.call('SREM', KEYS[1], ARGV[2 * i - 1])
  else
    lost[#lost + 1] = ARGV[2 * i - 1]
  end
end
return lost
`);

/**
 * @param toKey from a name to the key of the queue
 * @returns the ids of the jobs whose lock is another's
 */
export async function renewLocks(
  redis: Redis,
  toKey: (name: string) => string,
  jobs: readonly { jobId: string; token: string }[],
): Promise<string[]> {
  if (jobs.length === 0) return [];
  const locks = jobs.map(({ jobId }) => toKey(`${jobId}:lock`));
  const tokens = jobs.flatMap(({ token, jobId }) => [token, jobId]);
  return RENEW.run(redis, [toKey('stalled'), ...locks], [LOCK_DURATION_MS, ...tokens]);
}
