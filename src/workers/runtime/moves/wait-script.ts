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
import { FETCH_LUA, type MoveReply } from './fetch-lua.js';

/**
 * KEYS to read, then those that must be ours. ARGV: prefix of all keys, name of the queue, job, token, Redis time, 1 to
 * fetch; how many keys to read, and what the others must hold where they exist.
 */
export const WAIT_FOR_CHILDREN = new LuaScript<WaitReply>(`
local function wait(KEYS, ARGV) ${moveToWaitingChildren.content} end
local function fetch(KEYS, ARGV) ${moveToActive.content} end
${FETCH_LUA}
local prefix, queue, id, token, time = unpack(ARGV, 1, 5)
local to_read, ours = tonumber(ARGV[7]), ARGV[8]
local values = {}
if to_read > 0 then values = redis.call('MGET', unpack(KEYS, 1, to_read)) end
for i = to_read + 1, #KEYS do
  local owner = redis.call('GET', KEYS[i])
  if owner and owner ~= ours then return { values, 1 } end
end
local own_keys = keys_of(prefix, queue, {'active', 'waiting-children', id, id .. ':dependencies', id .. ':unsuccessful', 'stalled', 'events'})
local queue_prefix = keys_of(prefix, queue, {''})[1]
local moved = wait(own_keys, { token, '', time, id, queue_prefix })
if moved ~= 0 or ARGV[6] ~= '1' then return { values, moved } end
local all_keys = keys_of(prefix, queue, {'wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'marker'})
local options = cmsgpack.pack({ token = token, lockDuration = ${LOCK_DURATION_MS} })
return { values, moved, move_reply(prefix, fetch(all_keys, { queue_prefix, time, options })) }
`);

/** Keys that go with a wait for children. */
export interface WaitKeys {
  /** Strings that are read in the same moment; a few. */
  read: readonly string[];
  /** Any number of strings that hold `owner` where they exist: otherwise the job does not wait. */
  owned?: readonly string[];
  owner?: string;
}

/**
 * The values that were read, and what BullMQ's move did: 0, or a negative number; 1 when no child is pending or a key is
 * another's, and nothing was moved. Then what was fetched.
 */
export type WaitReply = [values: (string | null)[], moved: number, fetched?: MoveReply];
