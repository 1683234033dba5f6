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
import { READ_FLAGS_LUA } from '../signals.js';
import type { SaveReply } from './save-script.js';
import type { FetchedJob } from './sleep-script.js';

/** ARGV: prefix of all keys, name of the queue, job, token, time of the host, value as JSON, seconds to keep it, 1 to fetch. */
const LUA = `
local function move(KEYS, ARGV) ${moveToFinished.content} end
${READ_FLAGS_LUA}
local id, token = ARGV[3], ARGV[4]
local prefix = ARGV[1] .. ':' .. ARGV[2] .. ':'
local keys = {}
for i, name in ipairs({'wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'completed', id, 'metrics:completed', 'marker'}) do
  keys[i] = prefix .. name
end
local options = cmsgpack.pack({
  token = token, lockDuration = ${LOCK_DURATION_MS}, keepJobs = { age = tonumber(ARGV[7]) }, maxMetricsSize = ''
})
local moved = move(keys, { id, ARGV[5], 'returnvalue', ARGV[6], 'completed', ARGV[8], prefix, options })
if type(moved) ~= 'table' then return { moved, false, 0 } end
if type(moved[1]) == 'table' then return { moved, read_flags(ARGV[1], moved[1]) } end
-- Nobody may fetch for so long, says a producer's limit: that is for BullMQ to ask.
if moved[3] > 0 then return { 0 } end
return { 0, false, moved[4] }
`;

export interface Finish {
  prefix: string;
  queueName: string;
  jobId: string;
  token: string;
  /** What the job returns. */
  value: unknown;
  /** How long the job is kept. */
  keepSeconds: number;
  fetchNext: boolean;
}

/** The last part of a save: {@link FINISH_REPLY} ends its script. */
export function finishPart(finish: Finish): LuaPart {
  const { prefix, queueName, jobId, token, value, keepSeconds, fetchNext } = finish;
  const args = [prefix, queueName, jobId, token, Date.now(), JSON.stringify(value), keepSeconds];
  return { lua: LUA, keys: [], args: [...args, fetchNext ? 1 : 0] };
}

export const FINISH_REPLY = `
if not saved then return false end
return { saved, last }
`;

/** What the save replied, and what BullMQ's move did, as {@link SleepReply} has it. */
export type FinishReply = [
  saved: SaveReply,
  moved: [moved: number | FetchedJob, flags?: (string | null)[] | null, nextAt?: number],
];
