/** BullMQ's worker of one queue, set so that a killed one is replaced soon and no stall fails a job. */
import { type Job, Worker } from 'bullmq';
import type { WorkerContext } from './context.js';
import { LOCK_DURATION_MS, STALLED_INTERVAL_MS } from './job-lease.js';

/** One per queue; runs a step of a job under its lock. */
export type Processor<Data, Result> = (
  context: WorkerContext,
  job: Job<Data>,
  token: string,
  signal: AbortSignal,
) => Promise<Result>;

/** Takes jobs of one queue, up to `concurrency` at once. */
export function startQueueWorker<Data, Result>(
  context: WorkerContext,
  name: string,
  concurrency: number,
  processor: Processor<Data, Result>,
): Worker<Data, Result> {
  const worker = new Worker<Data, Result>(
    name,
    // BullMQ hands out a signal only to a function that declares three parameters, none by default.
    (job, token, signal) => {
      if (token === undefined || signal === undefined) throw new Error('BullMQ gave no lock');
      return processor(context, job, token, signal);
    },
    {
      ...context.queueOptions,
      concurrency,
      lockDuration: LOCK_DURATION_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // BullMQ would fail the job without its event; the processors count for themselves.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  worker.on('lockRenewalFailed', (jobIds: string[]) => {
    for (const jobId of jobIds) worker.cancelJob(jobId, 'the lock was lost');
  });
  return worker;
}
