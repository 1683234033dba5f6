import type { Queue } from 'bullmq';

/** BullMQ's code for a job that is not in the state that the call asks for. */
const NOT_IN_STATE = -3;
const MISSING = -1;

/** Ends a job's delay. A job that is not delayed is left as it is: it will find its flag. */
export async function promoteIfDelayed(queue: Queue, jobId: string): Promise<void> {
  const job = await queue.getJob(jobId);
  try {
    await job?.promote();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== NOT_IN_STATE && code !== MISSING) throw error;
  }
}
