/** Runs both workers of a contender until a signal ends it. */
import { type Processor, Worker, type WorkerOptions } from 'bullmq';
import { BATCHES_QUEUE, POLLS_QUEUE } from '../../../src/jobs/queues.js';

export function runWorkers(
  options: WorkerOptions,
  batches: { process: Processor; concurrency: number },
  polls: { process: Processor; concurrency: number },
): void {
  const workers = [
    new Worker(BATCHES_QUEUE, batches.process, { ...options, concurrency: batches.concurrency }),
    new Worker(POLLS_QUEUE, polls.process, { ...options, concurrency: polls.concurrency }),
  ];
  process.on('SIGTERM', async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    process.exit();
  });
}
