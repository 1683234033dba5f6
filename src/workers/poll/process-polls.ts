/** Processor of the `atlas-polls` queue: polls of Atlas batches, and watches for late documents. */
import type { Job } from 'bullmq';
import { WATCH_JOB } from '../../jobs/queues.js';
import type { WatchData } from '../../jobs/state/late-watch.js';
import type { PollData } from '../../jobs/state/poll-state.js';
import type { WorkerContext } from '../context.js';
import type { Processor } from '../runtime/slot.js';
import { createPollProcessor } from './process-poll.js';
import { createWatchProcessor } from './watch-late.js';

export function createPollsProcessor(context: WorkerContext): Processor<unknown, unknown> {
  const poll = createPollProcessor(context);
  const watch = createWatchProcessor(context);
  return (job, slot) =>
    job.name === WATCH_JOB ? watch(job as Job<WatchData>, slot) : poll(job as Job<PollData>, slot);
}
