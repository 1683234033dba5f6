/** Asking for the end of a batch. */
import { CANCEL_FLAG_TTL_MS, type CancelFlag, cancelKey } from '../jobs/flags.js';
import { batchJobId, pollJobId } from '../jobs/ids.js';
import type { ClientQueues } from './client-queues.js';
import { stateOf } from './find-summary.js';
import { promoteIfDelayed } from './promote.js';

/**
 * `cancelling`: asked for; it ends in `batch.failed` with `CANCELLED`, unless it ends otherwise
 * before the request is seen. `ended`: it was over already. `unknown`: no such batch.
 */
export type CancelResult = { status: 'cancelling' | 'ended' | 'unknown'; reference: string };

/** Longer reasons would travel through every log. */
const MAX_REASON_LENGTH = 500;

export async function cancelBatch(
  { batches, pollJobs, link, prefix }: ClientQueues,
  reference: string,
  reason: string,
): Promise<CancelResult> {
  const jobId = batchJobId(reference);
  const job = await batches.getJob(jobId);
  if (!job) return { status: 'unknown', reference };
  if (job.finishedOn !== undefined) return { status: 'ended', reference };

  // The flag first: a job that is busy now finds it before it sleeps again.
  const flag: CancelFlag = { reason: reason.slice(0, MAX_REASON_LENGTH), timestamp: job.timestamp };
  await link.redis.set(
    cancelKey(prefix, reference),
    JSON.stringify(flag),
    'PX',
    CANCEL_FLAG_TTL_MS,
  );
  await promoteIfDelayed(batches, jobId);
  const current = await batches.getJob(jobId);
  const uploads = current ? (stateOf(current)?.uploads ?? []) : [];
  const waiting = uploads.flatMap((upload) => (upload.state === 'sent' ? upload.atlasBatchId : []));
  await Promise.all(
    waiting.map((atlasBatchId) => promoteIfDelayed(pollJobs, pollJobId(atlasBatchId))),
  );
  return { status: 'cancelling', reference };
}
