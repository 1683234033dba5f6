import { ErrorCode, type Queue } from 'bullmq';

/** Ends a job's delay. A job that is not delayed is left as it is: it finds its flag by itself. */
export async function promoteIfDelayed(queue: Queue, jobId: string): Promise<void> {
  const job = await queue.getJob(jobId);
  try {
    await job?.promote();
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), 'code');
    if (code !== ErrorCode.JobNotInState && code !== ErrorCode.JobNotExist) throw error;
  }
}
