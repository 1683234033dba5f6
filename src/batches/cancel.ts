/** Cancels a batch: sets its flag, and wakes its jobs to find it. */
import { type Actor, MAX_REASON_LENGTH } from '../jobs/audit-record.js';
import { CANCEL_FLAG_TTL_MS, type CancelFlag } from '../jobs/flags.js';
import { batchJobId, pollJobId } from '../jobs/ids.js';
import { cancelKey, cancelledKey } from '../jobs/keys/redis-keys.js';
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

/** What the event says where nobody gave a reason. The audit log has none then. */
export function unreasoned({ name, via }: Actor): string {
  if (via === 'api') return `cancelled by ${name}`;
  return `cancelled by ${via === 'client' ? 'the caller' : 'an operator'}`;
}

/** Requests that are remembered for workers that begin no batch. */
const KEPT_REQUESTS = 10_000;

export async function cancelBatch(
  { batches, pollJobs, link, prefix }: ClientQueues,
  reference: string,
  reason: string,
): Promise<CancelResult> {
  const jobId = batchJobId(reference);
  const job = await batches.getJob(jobId);
  if (!job) return { status: 'unknown', reference };
  if (job.finishedOn !== undefined) return { status: 'ended', reference };

  // The flag is set first: a job that is active now finds it before it sleeps again.
  const { timestamp, attemptsMade } = job;
  const flag: CancelFlag = { reason: reason.slice(0, MAX_REASON_LENGTH), timestamp, attemptsMade };
  const key = cancelKey(prefix, reference);
  await link.redis.set(key, JSON.stringify(flag), 'PX', CANCEL_FLAG_TTL_MS);
  const cancelled = cancelledKey(prefix);
  await Promise.all([
    link.redis.zadd(cancelled, timestamp, jobId),
    link.redis.zremrangebyrank(cancelled, 0, -KEPT_REQUESTS - 1),
    link.redis.pexpire(cancelled, CANCEL_FLAG_TTL_MS),
  ]);
  await promoteIfDelayed(batches, jobId);
  const current = await batches.getJob(jobId);
  const uploads = current ? (stateOf(current)?.uploads ?? []) : [];
  const sent = uploads.filter((upload) => upload.state === 'sent');
  await Promise.all(
    sent.map(({ atlasBatchId }) => promoteIfDelayed(pollJobs, pollJobId(atlasBatchId))),
  );
  return { status: 'cancelling', reference };
}
