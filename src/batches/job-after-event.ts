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
  { batches }: ClientQueues,
  reference: string,
): Promise<Job | undefined> {
  for (let waitedMs = 0; ; waitedMs += READ_EVERY_MS) {
    const job = await batches.getJob(batchJobId(reference));
    const isLeaving =
      job && job.finishedOn === undefined && decidedSummaryOf(job, reference) !== null;
    if (!isLeaving || waitedMs >= TIMEOUT_MS) return job;
    await pause(READ_EVERY_MS);
  }
}
