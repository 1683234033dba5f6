/**
 * The `poll` job: polls once, then sleeps and polls again, until it has a result.
 * "Not yet" is never a failure; a result is a value, and a poll job always completes.
 */
import type { Job } from 'bullmq';
import { promoteIfDelayed } from '../../batches/promote.js';
import { readState } from '../../jobs/batch-state.js';
import {
  newPollState,
  type PollData,
  type PollResult,
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
): Promise<PollResult> {
  const { redis, pollJobs, config, clock, logger } = context;
  const lease = new JobLease<PollState>({
    redis,
    queueKey: `${config.QUEUE_PREFIX}:${POLLS_QUEUE}`,
    job,
    slot,
    clock,
    digest: ({ polls, present, total, nextPollAt }) => ({ polls, present, total, nextPollAt }),
  });
  return runJob(
    logger,
    lease.jobId,
    () => lease.giveBack(),
    async () => {
      const stored = readState<PollState>(job.progress);
      if (stored.kind === 'newer') throw await lease.moveToDelayed(NEWER_STATE_DELAY_MS);
      const state = stored.kind === 'known' ? stored.state : freshState(job);
      if (job.attemptsMade > state.startedAtAttempt)
        beginAgain(state, job, clock.now() + config.BATCH_DEADLINE_MS);

      const run = new PollRun(context, lease, job.data, state, slot.signal);
      const result = await run.step(job.stalledCounter - state.stallsBefore);
      if (result) return result;

      const asleep = await lease.moveToDelayed(Math.max(0, (state.nextPollAt ?? 0) - clock.now()));
      const flags = await readFlags(context, job.data.reference, job.data.batchTimestamp);
      if (flags.cancelled || flags.wokenAt > (state.lastPollAt ?? 0)) {
        await promoteIfDelayed(pollJobs, lease.jobId);
      }
      throw asleep;
    },
  );
}

function freshState(job: Job<PollData>): PollState {
  return newPollState(job.attemptsMade, job.data.documentIds.length);
}

/** The job had ended and was made pending again: one full poll more, under a new deadline. */
function beginAgain(state: PollState, job: Job<PollData>, deadlineAt: number): void {
  state.startedAtAttempt = job.attemptsMade;
  state.stallsBefore = job.stalledCounter;
  state.unexpectedErrors = 0;
  state.notFoundSince = null;
  state.finalCheck = { deadlineAt };
  delete state.errorStreak;
}
