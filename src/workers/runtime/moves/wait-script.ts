/**
 * The script that moves a job away to wait for its children and fetches the next one, as `queue-worker.ts` calls it. It
 * also reads keys for the job, and the flags of the one that it fetched.
 *
 * Measured interleaved, without negative polls: a read, a move and a fetch of their own cost 8 % more of a worker's CPU
 * per batch.
 */
/// <reference path="./bullmq-scripts.d.ts" />
import { moveToActive } from 'bullmq/dist/cjs/scripts/moveToActive-11.js';
import { moveToWaitingChildren } from 'bullmq/dist/cjs/scripts/moveToWaitingChildren-7.js';
import { LOCK_DURATION_MS } from '../../../jobs/queues.js';
import { LuaScript } from '../../../redis/lua-script.js';
import { READ_FLAGS_LUA } from '../signals.js';
import type { FetchedJob } from './sleep-script.js';

/** KEYS to read. ARGV: prefix of all keys, name of the queue, job, token, time of the host, 1 to fetch. */
export const WAIT_FOR_CHILDREN = new LuaScript<WaitReply>(`
local function wait(KEYS, ARGV) ${moveToWaitingChildren.content} end
local function fetch(KEYS, ARGV) ${moveToActive.content} end
${READ_FLAGS_LUA}
local id, token, time = ARGV[3], ARGV[4], ARGV[5]
local prefix = ARGV[1] .. ':' .. ARGV[2] .. ':'
local function keys_of(names)
  for i, name in ipairs(names) do names[i] = prefix .. name end
  return names
end
local values = {}
if #KEYS > 0 then values = redis.call('MGET', unpack(KEYS)) end
local moved = wait(
  keys_of({'active', 'waiting-children', id, id .. ':dependencies', id .. ':unsuccessful', 'stalled', 'events'}),
  { token, '', time, id, prefix }
)
if moved ~= 0 or ARGV[6] ~= '1' then return { values, moved } end
local next = fetch(
  keys_of({'wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'marker'}),
  { prefix, time, cmsgpack.pack({ token = token, lockDuration = ${LOCK_DURATION_MS} }) }
)
if type(next[1]) == 'table' then return { values, moved, next, read_flags(ARGV[1], next[1]) } end
-- Nobody may fetch for so long, says a producer's limit: that is for BullMQ to ask.
if next[3] > 0 then return { values, moved } end
return { values, moved, false, false, next[4] }
`);

/**
 * The values that were read, and what BullMQ's move did: 0, or 1 when no child is pending, or a negative number; then
 * the job that was fetched, with its flags where it has any; where none was, when the next one is due.
 */
export type WaitReply = [
  values: (string | null)[],
  moved: number,
  next?: FetchedJob | null,
  flags?: (string | null)[] | null,
  nextAt?: number,
];
