/** An operator's retry of a failed batch. */
import { ErrorCode } from 'bullmq';
import { hasCode } from '../errors.js';
import { batchJobId } from '../jobs/ids.js';
import type { ClientQueues } from './client-queues.js';

/** `unknown`: no such batch. */
export type RetryResult = 'retried' | 'not-failed' | 'unknown';

export async function retryBatch(
  { batches }: ClientQueues,
  reference: string,
): Promise<RetryResult> {
  const job = await batches.getJob(batchJobId(reference));
  if (!job) return 'unknown';
  if (!(await job.isFailed())) return 'not-failed';
  try {
    await job.retry('failed');
    return 'retried';
  } catch (error) {
    // Another operator was faster.
    if (hasCode(error, ErrorCode.JobNotInState)) return 'not-failed';
    throw error;
  }
}
