/**
 * The `poll` job: polls once, then sleeps and polls again, until it has a result.
 * "Not yet" is never a failure; a result is a value, and a poll job always completes.
 */
import {
  newPollState,
  type PollData,
  type PollResult,
  type PollState,
} from '../../jobs/poll-state.js';
import { POLLS_QUEUE } from '../../jobs/queues.js';
import type { WorkerContext } from '../context.js';
import type { Processor } from '../runtime/queue-worker.js';
import { createProcessor, type StepResult, type StepRun } from '../runtime/run-step.js';
import { readFlags } from '../runtime/signals.js';
import { PollRun } from './poll-run.js';

/** Processor of the `atlas-polls` queue. */
export function createPollProcessor(context: WorkerContext): Processor<PollData, PollResult> {
  return createProcessor(context, {
    queueName: POLLS_QUEUE,
    newState: ({ attemptsMade, data }) => newPollState(attemptsMade, data.documentIds.length),
    digest: ({ polls, present, total, nextPollAt }) => ({ polls, present, total, nextPollAt }),
    step: (run) => pollAndSleep(context, run),
  });
}

async function pollAndSleep(
  context: WorkerContext,
  { job, lease, state, signal }: StepRun<PollData, PollState>,
): Promise<StepResult<PollResult>> {
  const { clock, config } = context;
  const { data } = job;
  if (job.attemptsMade > state.startedAtAttempt) {
    beginAgain(state, job, clock.now() + config.BATCH_DEADLINE_MS);
  }
  const poll = new PollRun(context, lease, data, state, signal);
  const result = await poll.step(job.stalledCounter - state.stallsBefore);
  if (result) return { kind: 'finished', value: result };
  return {
    kind: 'sleep',
    delayMs: Math.max(0, (state.nextPollAt ?? 0) - clock.now()),
    async afterwards() {
      const flags = await readFlags(context, data.reference, data.batchTimestamp);
      return flags.cancelled !== null || flags.wokenAt > (state.lastPollAt ?? 0);
    },
  };
}

/** The job had ended and was made pending again: one full poll more, under a new deadline. */
function beginAgain(
  state: PollState,
  job: { attemptsMade: number; stalledCounter: number },
  deadlineAt: number,
): void {
  state.startedAtAttempt = job.attemptsMade;
  state.stallsBefore = job.stalledCounter;
  state.unexpectedErrors = 0;
  state.notFoundSince = null;
  state.finalCheck = { deadlineAt };
  delete state.errorStreak;
}
