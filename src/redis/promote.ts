import { ErrorCode, type Job, type Queue } from 'bullmq';
import { hasCode } from '../errors.js';

/** Ends the delay of a job. One that is not delayed, or was removed, is left as it is. */
export async function promoteIfDelayed(queue: Queue, jobId: string): Promise<void> {
  const job = await queue.getJob(jobId);
  if (job) await promote(job);
}

export async function promote(job: Job): Promise<void> {
  try {
    await job.promote();
  } catch (error) {
    const isGone = hasCode(error, ErrorCode.JobNotExist);
    if (!isGone && !hasCode(error, ErrorCode.JobNotInState)) throw error;
  }
}
