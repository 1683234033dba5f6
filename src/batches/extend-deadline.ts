/** Gives a batch more time. */
import { randomUUID } from 'node:crypto';
import { UsageError } from '../errors.js';
import { CANCEL_FLAG_TTL_MS } from '../jobs/flags.js';
import { batchJobId, TIMESTAMP_IN_LUA } from '../jobs/ids.js';
import { extensionKey, startedKey } from '../jobs/keys/redis-keys.js';
import { LuaScript } from '../redis/lua-script.js';
import type { ClientQueues } from './client-queues.js';

/** What became of the request for more time. */
export interface ExtendResult {
  /** `extended`: it has that much more. `ended`: it had ended already. `unknown`: no such batch. */
  status: 'extended' | 'ended' | 'unknown';
  /** The reference that was asked for. */
  reference: string;
  /** How much more time than others the batch has now, in ms, all extensions together. */
  extendedMs: number;
}

/** Longer than any Atlas is away; so a mistyped unit is seen. */
const MAX_EXTENSION_MS = 30 * 24 * 3600 * 1000;

/** Whether it is a time that can be added, in ms. */
export function isExtension(byMs: unknown): boolean {
  return Number.isInteger(byMs) && Number(byMs) > 0 && Number(byMs) <= MAX_EXTENSION_MS;
}

/** @throws UsageError for what is no time that can be added. */
export function checkExtension(byMs: unknown): void {
  if (!isExtension(byMs))
    throw new UsageError('a deadline is extended by at least 1 ms and at most 30 days');
}

/** Requests that a flag remembers: more than come while a connection is made again. */
const REMEMBERED = 20;

/**
 * In one script, so that of two requests at the same moment none is lost; and each counts once, for ioredis repeats
 * commands after a reconnection. KEYS the batch job, its `ExtensionFlag`, started. ARGV how much more in ms, the
 * flag's life beyond that, the job's id, the nonce of the request. Answers what became of it, and all that it was given.
 */
const EXTEND = new LuaScript<[ExtendResult['status'], number]>(`
local job = redis.call('HMGET', KEYS[1], 'timestamp', 'finishedOn')
local timestamp = string.match(job[1] or '', ${TIMESTAMP_IN_LUA})
if not timestamp then return {'unknown', 0} end
local flag = cjson.decode(redis.call('GET', KEYS[2]) or '{}')
if flag.timestamp ~= tonumber(timestamp) then flag = {} end
local ms, nonces = flag.ms or 0, flag.nonces or {}
for _, nonce in ipairs(nonces) do
  if nonce == ARGV[4] then return {'extended', ms} end
end
if job[2] then return {'ended', ms} end
ms = ms + ARGV[1]
nonces[#nonces + 1] = ARGV[4]
if #nonces > ${REMEMBERED} then table.remove(nonces, 1) end
local value = string.format('{"ms":%.0f,"timestamp":%s,"nonces":%s}', ms, timestamp, cjson.encode(nonces))
redis.call('SET', KEYS[2], value, 'PX', string.format('%.0f', ms + ARGV[2]))
-- For those who watch deadlines. The save that puts it into the set adds what it was given before.
redis.call('ZADD', KEYS[3], 'XX', 'INCR', ARGV[1], ARGV[3])
return {'extended', ms}
`);

/**
 * Its jobs find the flag when the deadline that they know has come. So nobody has to be woken, and nothing
 * is lost of a request that comes before that.
 */
export async function extendDeadline(
  { batches, link, prefix }: ClientQueues,
  reference: string,
  byMs: number,
): Promise<ExtendResult> {
  const jobId = batchJobId(reference);
  const keys = [batches.toKey(jobId), extensionKey(prefix, reference), startedKey(prefix)];
  const args = [byMs, CANCEL_FLAG_TTL_MS, jobId, randomUUID()];
  const [status, extendedMs] = await EXTEND.run(link.redis, keys, args);
  return { status, reference, extendedMs };
}
