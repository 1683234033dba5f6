import type { System } from './system.js';
import { waitUntil } from './wait-until.js';

/** Waits until that many batch jobs have ended; says what the others last wrote when they do not. */
export async function batchesEnded(
  { batches }: System,
  count: number,
  timeoutMs: number,
): Promise<void> {
  const ended = async () => {
    const { completed = 0, failed = 0 } = await batches.getJobCounts('completed', 'failed');
    return completed + failed === count;
  };
  try {
    await waitUntil('the end of every job', ended, timeoutMs);
  } catch (error) {
    const stuck = await batches.getJobs(['wait', 'active', 'delayed', 'waiting-children']);
    const lines = await Promise.all(
      stuck.map(async (job) => {
        const { logs } = await batches.getJobLogs(job.id ?? '');
        return `${job.id} is ${await job.getState()}: ${logs.at(-1)}`;
      }),
    );
    const counts = JSON.stringify(await batches.getJobCounts());
    throw new Error([`of ${count} jobs: ${counts}`, ...lines].join('\n'), { cause: error });
  }
}
