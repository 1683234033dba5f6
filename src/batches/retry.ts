/** A retry of a failed batch: an operator's, or because documents have come late. */
import { ErrorCode, type Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { hasCode } from '../errors.js';
import { batchJobId, TIMESTAMP_IN_LUA } from '../jobs/ids.js';
import { runModeKey } from '../jobs/keys/redis-keys.js';
import { RUN_MODE_TTL_MS, type RunMode, type RunModeFlag } from '../jobs/state/run-mode.js';
import { LuaScript } from '../redis/lua-script.js';
import type { ClientQueues } from './client-queues.js';
import { jobAfterEvent } from './job-after-event.js';

/** What became of the request to retry a batch. */
export interface RetryResult {
  /** `retried`: a new run begins. `not-failed`: it has not failed, or somebody was faster. `unknown`: no such batch. */
  status: 'retried' | 'not-failed' | 'unknown';
  /** The reference that was asked for. */
  reference: string;
}

export async function retryBatch(queues: ClientQueues, reference: string): Promise<RetryResult> {
  const { batches, link, prefix } = queues;
  const job = await jobAfterEvent(queues, reference);
  if (!job) return { status: 'unknown', reference };
  if (!(await job.isFailed())) return { status: 'not-failed', reference };
  await markRun({ redis: link.redis, prefix, batches }, job, reference, 'operator');
  return retryFailed(job, reference);
}

/** An operator's retry that comes at the same time wins. */
export async function retryForLateDocuments(
  space: RetrySpace,
  job: Job,
  reference: string,
): Promise<RetryResult> {
  if (!(await markRun(space, job, reference, 'late'))) return { status: 'not-failed', reference };
  return retryFailed(job, reference);
}

interface RetrySpace {
  redis: Redis;
  prefix: string;
  batches: Queue;
}

/**
 * KEYS the batch job, the flag. ARGV the flag, its life, timestamp and attempts of the job, and what the flag of an
 * operator is, where that wins. It leaves nothing of a job that is gone.
 */
const MARK_RUN = new LuaScript<number>(`
local job = redis.call('HMGET', KEYS[1], 'timestamp', 'finishedOn')
if string.match(job[1] or '', ${TIMESTAMP_IN_LUA}) ~= ARGV[3] or not job[2] then return 0 end
if ARGV[4] ~= '' and redis.call('GET', KEYS[2]) == ARGV[4] then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** @returns Whether the mode is set: not when the job runs, or an operator was faster. */
export async function markRun(
  { redis, prefix, batches }: RetrySpace,
  { timestamp, attemptsMade }: Pick<Job, 'timestamp' | 'attemptsMade'>,
  reference: string,
  mode: RunMode,
): Promise<boolean> {
  const flagOf = (of: RunMode): string =>
    JSON.stringify({ mode: of, timestamp, attemptsMade } satisfies RunModeFlag);
  const keys = [batches.toKey(batchJobId(reference)), runModeKey(prefix, reference)];
  const wins = mode === 'late' ? flagOf('operator') : '';
  const args = [flagOf(mode), RUN_MODE_TTL_MS, String(timestamp), wins];
  return (await MARK_RUN.run(redis, keys, args)) === 1;
}

async function retryFailed(job: Job, reference: string): Promise<RetryResult> {
  try {
    await job.retry('failed');
    return { status: 'retried', reference };
  } catch (error) {
    if (hasCode(error, ErrorCode.JobNotInState)) return { status: 'not-failed', reference };
    if (hasCode(error, ErrorCode.JobNotExist)) return { status: 'unknown', reference };
    throw error;
  }
}
