/** The job of a batch, for whoever changes a batch because its event has come. */
import type { Job } from 'bullmq';
import { batchJobId } from '../jobs/ids.js';
import { pause } from '../timeouts.js';
import type { ClientQueues } from './client-queues.js';
import { decidedSummaryOf } from './find-summary.js';

/** A live worker needs two round trips from the event to the end of the job. */
const READ_EVERY_MS = 25;
/** Beyond it the worker has died between the two, and another one takes the job in its own time. */
const TIMEOUT_MS = 2000;

/**
 * Reads the job, and waits a moment for its end when its outcome is saved already: the event goes out
 * before BullMQ finishes the job, which is no reason to refuse what its handler asks for.
 */
export async function jobAfterEvent(
  { batches, link }: ClientQueues,
  reference: string,
): Promise<Job | undefined> {
  const id = batchJobId(reference);
  const job = await batches.getJob(id);
  const isLeaving =
    job && job.finishedOn === undefined && decidedSummaryOf(job, reference) !== null;
  if (!isLeaving) return job;
  const key = batches.toKey(id);
  for (let waitedMs = 0; waitedMs < TIMEOUT_MS; waitedMs += READ_EVERY_MS) {
    await pause(READ_EVERY_MS);
    if ((await link.redis.hexists(key, 'finishedOn')) === 1) break;
  }
  const after = await batches.getJob(id);
  // Meanwhile it may have been erased, and its reference used again by somebody else.
  return after?.timestamp === job.timestamp ? after : undefined;
}
