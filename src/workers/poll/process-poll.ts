/**
 * The `poll` job: looks once, then sleeps and looks again, until it has an outcome.
 * "Not yet" is never a failure; an outcome is a value, and a poll job always completes.
 */
import type { Job } from 'bullmq';
import { promoteIfDelayed } from '../../batches/promote.js';
import { readState } from '../../jobs/batch-state.js';
import {
  newPollState,
  type PollData,
  type PollOutcome,
  type PollState,
} from '../../jobs/poll-state.js';
import { POLLS_QUEUE } from '../../jobs/queues.js';
import type { WorkerContext } from '../context.js';
import { JobLease, NEWER_STATE_DELAY_MS } from '../runtime/job-lease.js';
import type { Slot } from '../runtime/prefetching-worker.js';
import { runJob } from '../runtime/run-step.js';
import { readFlags } from '../runtime/signals.js';
import { PollRun } from './poll-run.js';

/** Processor of the `atlas-polls` queue. */
export async function processPoll(
  context: WorkerContext,
  job: Job<PollData>,
  slot: Slot,
): Promise<PollOutcome> {
  const { redis, polls, config, clock, logger } = context;
  const lease = new JobLease<PollState>({
    redis,
    queueKey: `${config.QUEUE_PREFIX}:${POLLS_QUEUE}`,
    job,
    slot,
    clock,
    digest: ({ looks, present, total, nextLookAt }) => ({ looks, present, total, nextLookAt }),
  });
  return runJob(
    logger,
    lease.jobId,
    () => lease.giveBack(),
    async () => {
      const stored = readState<PollState>(job.progress);
      if (stored.kind === 'newer') throw await lease.moveToDelayed(NEWER_STATE_DELAY_MS);
      const state = stored.kind === 'known' ? stored.state : freshState(job);
      if (job.attemptsMade > state.run)
        beginAgain(state, job, clock.now() + config.BATCH_DEADLINE_MS);

      const run = new PollRun(context, lease, job.data, state, slot.signal);
      const outcome = await run.step(job.stalledCounter - state.stalls);
      if (outcome) return outcome;

      const asleep = await lease.moveToDelayed(Math.max(0, (state.nextLookAt ?? 0) - clock.now()));
      const flags = await readFlags(context, job.data.reference, job.data.batchTimestamp);
      if (flags.cancelled || flags.wokenAt > (state.lastLookAt ?? 0)) {
        await promoteIfDelayed(polls, lease.jobId);
      }
      throw asleep;
    },
  );
}

function freshState(job: Job<PollData>): PollState {
  return newPollState(job.attemptsMade, job.data.documentIds.length);
}

/** The job had ended and was made pending again: one full look more, under a new deadline. */
function beginAgain(state: PollState, job: Job<PollData>, deadlineAt: number): void {
  state.run = job.attemptsMade;
  state.stalls = job.stalledCounter;
  state.surprises = 0;
  state.notFoundSince = null;
  state.again = { deadlineAt };
  delete state.trouble;
}
