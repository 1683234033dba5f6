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
import { pollAndDecide } from './poll-run.js';
import { enterPoll } from './transitions.js';

/** Processor of the `atlas-polls` queue. */
export function createPollProcessor(context: WorkerContext): Processor<PollData, PollResult> {
  return createProcessor(context, {
    queueName: POLLS_QUEUE,
    newState: ({ attemptsMade, data }) => newPollState(attemptsMade, data.documentIds.length),
    digest: ({ polls, present, total, nextPollAt }) => ({ polls, present, total, nextPollAt }),
    step: (run) => stepPoll(context, run),
  });
}

function stepPoll(
  context: WorkerContext,
  run: StepRun<PollData, PollState>,
): Promise<StepResult<PollResult>> {
  const { job } = run;
  run.state = enterPoll(run.state, job, context.clock.now() + context.config.BATCH_DEADLINE_MS);
  return pollAndDecide(Object.assign(run, { context, data: job.data, wokenAtMs: null }));
}
