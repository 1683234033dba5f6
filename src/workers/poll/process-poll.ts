/**
 * The `poll` job: polls once, then sleeps and polls again, until it has a result.
 * "Not yet" is never a failure; a result is a value, and a poll job always completes.
 */
import { BudgetExceededError } from '../../atlas/budget.js';
import { ResponseError } from '../../atlas/response-table.js';
import { describeReason, OwnFaultError, TransientError, UnknownBatchError } from '../../errors.js';
import type { Reconciliation } from '../../extracts/reconcile.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import {
  newPollState,
  type PollData,
  type PollResult,
  type PollState,
} from '../../jobs/poll-state.js';
import { POLLS_QUEUE } from '../../jobs/queues.js';
import { errorFields } from '../../logging.js';
import { plural } from '../../plural.js';
import type { WorkerContext } from '../context.js';
import { MAX_STALLS } from '../runtime/backoff.js';
import type { Processor } from '../runtime/queue-worker.js';
import {
  createProcessor,
  rethrowInterruption,
  type StepResult,
  type StepRun,
} from '../runtime/run-step.js';
import { readFlags } from '../runtime/signals.js';
import { deadlinesOf, nextPollDelayMs, retryDelayMs } from './next-poll.js';
import { type ObservedPoll, recordObservation } from './observe.js';
import type { PollEvent } from './poll-event.js';
import { NoMemoryError } from './poll-memory.js';
import { pollOnce } from './read-extracts.js';
import { storeResult } from './store-result.js';
import { afterPoll, beginPoll, enterPoll, isLastPoll, type PollDecision } from './transitions.js';

type PollRun = StepRun<PollData, PollState> & ObservedPoll;

/** Processor of the `atlas-polls` queue. */
export function createPollProcessor(context: WorkerContext): Processor<PollData, PollResult> {
  return createProcessor(context, {
    queueName: POLLS_QUEUE,
    newState: ({ attemptsMade, data }) => newPollState(attemptsMade, data.documentIds.length),
    digest: ({ polls, present, total, nextPollAt }) => ({ polls, present, total, nextPollAt }),
    step(run) {
      run.state = enterPoll(run.state, run.job, context.clock.now());
      return pollAndDecide(Object.assign(run, { context, data: run.job.data, wokenAtMs: null }));
    },
  });
}

/** Polls once. The job sleeps until the next poll, or ends with its result. */
async function pollAndDecide(run: PollRun): Promise<StepResult<PollResult>> {
  const early = await eventBeforePoll(run);
  try {
    const decision = early ? decide(run, early) : await poll(run);
    return await carryOut(run, decision);
  } catch (error) {
    rethrowInterruption(error, run);
    return carryOut(run, decide(run, eventOfError(run, error)));
  }
}

/** What the outside wants, and what earlier runs came to, may end the job before it polls. */
async function eventBeforePoll(run: PollRun): Promise<PollEvent | null> {
  const { context, data, state, job } = run;
  const { cancelled, wokenAt } = await readFlags(context, data.reference, data.batchTimestamp);
  // Atlas may have called before it answered the upload.
  const since = state.lastPollAt ?? data.sentAt - context.config.ATLAS_TIMEOUT_MS;
  run.wokenAtMs = wokenAt > since ? wokenAt - data.sentAt : null;
  if (cancelled) {
    return { kind: 'cancelled', reason: { code: 'CANCELLED', message: cancelled.reason } };
  }
  const stalls = job.stalledCounter - state.stallsBefore;
  if (stalls < MAX_STALLS) return null;
  const message = `workers died ${stalls} times while they polled ${data.atlasBatchId}`;
  return { kind: 'deadly', reason: { code: 'INTERNAL', message } };
}

async function poll(run: PollRun): Promise<PollDecision> {
  const { context, data, signal } = run;
  run.state = beginPoll(run.state, context.clock.now());
  const full = isLastPoll(run.state, deadlinesOf(data, context.config.BATCH_DEADLINE_MS));
  const { seen: before, wantedBytes = 0 } = run.state;
  const options = { full, before, perPage: perPageOf(run), wantedBytes };
  const memory = context.pollMemory.open(data.atlasBatchId, data.documentIds.length);
  try {
    const reading = await pollOnce(context, data, options, memory, signal);
    const decision = decide(run, { kind: 'read', reading });
    if (decision.next !== 'store' || !reading.found) return decision;
    return await store(run, reading.found);
  } finally {
    memory.close();
  }
}

/** Extracts asked for at once: as configured, or fewer where that was too large. */
function perPageOf({ context, state }: PollRun): number {
  const { ATLAS_EXTRACTS_PER_PAGE: configured } = context.config;
  return Math.min(configured, state.perPage ?? configured);
}

async function store(run: PollRun, found: Reconciliation): Promise<PollDecision> {
  await storeResult(run, found);
  const { data } = run;
  const indexes = fromRanges(data.documentIndexes);
  const decision = decide(run, {
    kind: 'stored',
    present: found.present,
    missing: toRanges(found.missing().flatMap((position) => indexes[position] ?? [])),
    unexpected: found.unexpected().reduce((sum, { extracts }) => sum + extracts.length, 0),
    unreadable: found.unreadable().length,
  });
  if (run.state.finalCheck === undefined) recordObservation(run, found.present === run.state.total);
  return decision;
}

/** Changes the state; what is to be done about it is for {@link carryOut}. */
function decide(run: PollRun, event: PollEvent): PollDecision {
  const { context, data, state } = run;
  const now = context.clock.now();
  const deadlineMs = context.config.BATCH_DEADLINE_MS;
  const decision = afterPoll(state, event, {
    data,
    now,
    deadlines: deadlinesOf(data, deadlineMs),
    deadlineMs,
    nextPollMs: (next) => nextPollDelayMs(context, data, next, now),
    retryMs: (count, retryAfterMs) => retryDelayMs(context, count, retryAfterMs),
  });
  run.state = decision.state;
  return decision;
}

async function carryOut(run: PollRun, decision: PollDecision): Promise<StepResult<PollResult>> {
  if (decision.next === 'end') {
    await saveResult(run, decision.result);
    return { kind: 'finished', value: decision.result };
  }
  const { context, data, lease, state } = run;
  await lease.save(state, decision.next === 'sleep' ? decision.line : '');
  return {
    kind: 'sleep',
    delayMs: Math.max(0, (state.nextPollAt ?? 0) - context.clock.now()),
    async afterwards() {
      const { cancelled, wokenAt } = await readFlags(context, data.reference, data.batchTimestamp);
      return cancelled !== null || wokenAt > (state.lastPollAt ?? 0);
    },
  };
}

function eventOfError(run: PollRun, error: unknown): PollEvent {
  const { context, data } = run;
  if (error instanceof UnknownBatchError) return { kind: 'not-found', reason: error.reason };
  if (error instanceof ResponseError && error.row.halve) {
    return { kind: 'page-too-large', reason: error.reason, perPage: perPageOf(run) };
  }
  if (error instanceof NoMemoryError) {
    context.metrics.pollMemoryWaits.inc();
    return { kind: 'no-memory', wantedBytes: error.wantedBytes };
  }
  if (error instanceof OwnFaultError) context.ownFaults.note(error);
  if (error instanceof TransientError) {
    const { reason, retryAfterMs } = error;
    const kind = error instanceof BudgetExceededError ? 'no-room' : 'transient-error';
    return { kind, reason, retryAfterMs };
  }
  const { reference, atlasBatchId } = data;
  const fields = { reference, atlasBatchId, ...errorFields(error) };
  context.logger.error(fields, `an unforeseen error while polling ${atlasBatchId}`);
  const name = error instanceof Error ? error.name : 'error';
  const message = `an unforeseen ${name} while polling ${atlasBatchId}; the log has its stack`;
  return { kind: 'unexpected-error', reason: { code: 'INTERNAL', message } };
}

async function saveResult({ context, data, lease, state }: PollRun, result: PollResult) {
  const { status, present, polls, unexpected, unreadable, reason } = result;
  const why = reason ? ` (${describeReason(reason)})` : '';
  await lease.save(
    state,
    `${status} after ${plural(polls, 'poll')}: ${present} of ${state.total} present${why}`,
  );
  context.metrics.pollJobs.inc({ status });
  context.metrics.pollsPerUpload.observe(polls);
  context.metrics.unreadableExtracts.inc(unreadable);
  const { reference, atlasBatchId } = data;
  context.logger.info(
    { reference, atlasBatchId, status, present, total: state.total, polls, unexpected, unreadable },
    `Atlas batch ${atlasBatchId} is ${status}`,
  );
}
