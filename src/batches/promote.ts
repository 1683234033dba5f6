import type { Queue } from 'bullmq';
import { isBullmqError } from '../redis/bullmq-codes.js';

/** Ends a job's delay. A job that is not delayed is left as it is: it finds its flag by itself. */
export async function promoteIfDelayed(queue: Queue, jobId: string): Promise<void> {
  const job = await queue.getJob(jobId);
  try {
    await job?.promote();
  } catch (error) {
    if (!isBullmqError(error, 'not in that state', 'no such job')) throw error;
  }
}
