/** Cancels a batch: sets its flag, and wakes its jobs to find it. */
import { type Actor, MAX_NAME_LENGTH, MAX_REASON_LENGTH } from '../jobs/audit-record.js';
import { CANCEL_FLAG_TTL_MS, type CancelFlag } from '../jobs/flags.js';
import { batchJobId, pollJobId, TIMESTAMP_IN_LUA } from '../jobs/ids.js';
import { cancelKey, cancelledKey } from '../jobs/keys/redis-keys.js';
import { LuaScript } from '../redis/lua-script.js';
import { promoteIfDelayed } from '../redis/promote.js';
import type { ClientQueues } from './client-queues.js';
import { stateOf } from './find-summary.js';

/** What became of the request to cancel a batch. */
export interface CancelResult {
  /**
   * `cancelling`: the batch will fail with `CANCELLED`, unless it ends before its worker sees the
   * request. `ended`: it had ended already. `unknown`: no such batch.
   */
  status: 'cancelling' | 'ended' | 'unknown';
  /** The reference that was asked for. */
  reference: string;
}

/** Who asks, and why. */
export interface CancelRequest {
  by: Actor;
  reason: string | undefined;
}

/** What the event says where nobody gave a reason. The audit log has none then. */
function unreasoned({ name, via }: Actor): string {
  if (via === 'api') return `cancelled by ${name}`;
  return `cancelled by ${via === 'client' ? 'the caller' : 'an operator'}`;
}

/** Requests that are remembered for workers that begin no batch. */
const KEPT_REQUESTS = 10_000;

/**
 * In one script: whoever stood still since it found the batch must not leave the name of one that was erased meanwhile,
 * and a run that was begun meanwhile is meant as well. A request without a reason leaves the reason of one that is
 * meant for the same run: the first may be an order of a court, and the second a click more.
 * KEYS the batch job, its `CancelFlag`, the requests. ARGV the job's timestamp, the flag but for `attemptsMade`, the life
 * of both, the job's id, how many requests are kept. Answers as {@link CancelResult}.
 */
const REQUEST_CANCEL = new LuaScript<CancelResult['status']>(`
local job = redis.call('HMGET', KEYS[1], 'timestamp', 'finishedOn', 'atm')
if not job[1] or string.match(job[1], ${TIMESTAMP_IN_LUA}) ~= ARGV[1] then return 'unknown' end
if job[2] then return 'ended' end
local made = tonumber(job[3]) or 0
local earlier = cjson.decode(redis.call('GET', KEYS[2]) or '{}')
local is_same_run = earlier.timestamp == tonumber(ARGV[1]) and earlier.attemptsMade == made
local flag = string.sub(ARGV[2], 1, -2) .. ',"attemptsMade":' .. (job[3] or 0) .. '}'
if is_same_run and not earlier.isUnreasoned and cjson.decode(flag).isUnreasoned then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
else
  redis.call('SET', KEYS[2], flag, 'PX', ARGV[3])
end
redis.call('ZADD', KEYS[3], ARGV[1], ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[5] - 1)
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return 'cancelling'
`);

export async function cancelBatch(
  { batches, pollJobs, link, prefix }: ClientQueues,
  reference: string,
  { by, reason }: CancelRequest,
): Promise<CancelResult> {
  const jobId = batchJobId(reference);
  const job = await batches.getJob(jobId);
  if (!job) return { status: 'unknown', reference };
  if (job.finishedOn !== undefined) return { status: 'ended', reference };

  // The flag is set first: a job that is active now finds it before it sleeps again.
  const { timestamp } = job;
  const flag: Omit<CancelFlag, 'attemptsMade'> = {
    reason: (reason ?? unreasoned(by)).slice(0, MAX_REASON_LENGTH),
    ...(reason === undefined && { isUnreasoned: true }),
    by: by.name.slice(0, MAX_NAME_LENGTH),
    timestamp,
  };
  const keys = [batches.toKey(jobId), cancelKey(prefix, reference), cancelledKey(prefix)];
  const args = [timestamp, JSON.stringify(flag), CANCEL_FLAG_TTL_MS, jobId, KEPT_REQUESTS];
  const status = await REQUEST_CANCEL.run(link.redis, keys, args);
  if (status !== 'cancelling') return { status, reference };
  await promoteIfDelayed(batches, jobId);
  const current = await batches.getJob(jobId);
  const uploads = current ? (stateOf(current)?.uploads ?? []) : [];
  const sent = uploads.filter((upload) => upload.state === 'sent');
  await Promise.all(
    sent.map(({ atlasBatchId }) => promoteIfDelayed(pollJobs, pollJobId(atlasBatchId))),
  );
  return { status: 'cancelling', reference };
}
