/**
 * The part of a script that completes a job and fetches the next one, as `queue-worker.ts` calls it with the job's
 * last save. It also reads the flags of the job that it fetched.
 *
 * Measured interleaved, without negative polls: a save, an end and a read of flags of their own, and a command for
 * each thing that is noted with them, cost 16 % more of a worker's CPU per batch.
 */
/// <reference path="./bullmq-scripts.d.ts" />
import { moveToFinished } from 'bullmq/dist/cjs/scripts/moveToFinished-14.js';
import { LOCK_DURATION_MS } from '../../../jobs/queues.js';
import type { LuaPart } from '../../../redis/lua-script.js';
import { FETCH_LUA, type MoveReply } from './fetch-lua.js';
import type { SaveReply } from './save-script.js';

/** ARGV: prefix of all keys, name of the queue, job, token, Redis time, value as JSON, seconds to keep it, 1 to fetch. */
const LUA = `
local function move(KEYS, ARGV) ${moveToFinished.content} end
${FETCH_LUA}
local prefix, queue, id, token, time, value = unpack(ARGV, 1, 6)
local keys = keys_of(prefix, queue, {'wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'completed', id, 'metrics:completed', 'marker'})
local queue_prefix = keys_of(prefix, queue, {''})[1]
local options = cmsgpack.pack({
  token = token, lockDuration = ${LOCK_DURATION_MS}, keepJobs = { age = tonumber(ARGV[7]) }, maxMetricsSize = ''
})
local moved = move(keys, { id, time, 'returnvalue', value, 'completed', ARGV[8], queue_prefix, options })
if type(moved) == 'table' then return move_reply(prefix, moved) end
return { moved, false, 0 }
`;

export interface Finish {
  prefix: string;
  queueName: string;
  jobId: string;
  token: string;
  /** Redis time in ms. */
  now: number;
  /** What the job returns. */
  value: unknown;
  /** How long the job is kept. */
  keepSeconds: number;
  fetchNext: boolean;
}

/** The last part of a save: {@link FINISH_REPLY} ends its script. */
export function finishPart(finish: Finish): LuaPart {
  const { prefix, queueName, jobId, token, now, value, keepSeconds, fetchNext } = finish;
  const args = [prefix, queueName, jobId, token, now, JSON.stringify(value), keepSeconds];
  return { lua: LUA, keys: [], args: [...args, fetchNext ? 1 : 0] };
}

export const FINISH_REPLY = `
if not saved then return false end
return { saved, last }
`;

export type FinishReply = [saved: SaveReply, fetched: MoveReply];
