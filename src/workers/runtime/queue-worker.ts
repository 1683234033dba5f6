/** The worker of one queue, set so that a killed one is replaced soon and no stall fails a job. */
import type { Job, QueueOptions } from 'bullmq';
import { LOCK_DURATION_MS, STALLED_INTERVAL_MS } from '../../jobs/queues.js';
import { PrefetchingWorker, type Slot } from './prefetching-worker.js';

/** Runs a step of a job under its lock. */
export type Processor<Data, Result> = (job: Job<Data>, slot: Slot) => Promise<Result>;

/** A worker of one queue, for up to `concurrency` jobs at once. It takes them once it is started. */
export function createQueueWorker<Data, Result>(
  queueOptions: QueueOptions,
  name: string,
  concurrency: number,
  processor: Processor<Data, Result>,
): PrefetchingWorker<Data, Result> {
  const worker: PrefetchingWorker<Data, Result> = new PrefetchingWorker(
    name,
    async (job, token) => {
      if (token === undefined) throw new Error('BullMQ gave no lock');
      return worker.within(token, job, (slot) => processor(job, slot));
    },
    {
      ...queueOptions,
      concurrency,
      lockDuration: LOCK_DURATION_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // BullMQ would fail the job without its event; the processors count for themselves.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  return worker;
}
