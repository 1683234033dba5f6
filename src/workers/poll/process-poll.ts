/**
 * The `poll` job: polls once, then sleeps and polls again, until it has a result.
 * "Not yet" is never a failure; a result is a value, and a poll job always completes.
 */
import { BudgetExceededError } from '../../atlas/budget.js';
import { ResponseError } from '../../atlas/response-errors.js';
import {
  describeReason,
  errorFields,
  OwnFaultError,
  TransientError,
  UnknownBatchError,
} from '../../errors.js';
import type { Reconciliation } from '../../extracts/reconcile.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import {
  newPollState,
  type PollData,
  type PollResult,
  type PollState,
} from '../../jobs/poll-state.js';
import { POLLS_QUEUE } from '../../jobs/queues.js';
import { plural } from '../../plural.js';
import type { WorkerContext } from '../context.js';
import { MAX_STALLS } from '../runtime/backoff.js';
import type { Processor } from '../runtime/queue-worker.js';
import {
  createProcessor,
  rethrowInterruption,
  type StepEntry,
  type StepResult,
} from '../runtime/run-step.js';
import { readFlags } from '../runtime/signals.js';
import { deadlinesOf, nextPollDelayMs, retryDelayMs } from './next-poll.js';
import { type ObservedPoll, recordObservation } from './observe.js';
import type { PollEvent } from './poll-event.js';
import { NoMemoryError } from './poll-memory.js';
import { pollOnce } from './read-extracts.js';
import { storeResult } from './store-result.js';
import { afterPoll, beginPoll, enterPoll, isLastPoll, type PollDecision } from './transitions.js';

type PollEntry = StepEntry<PollData, PollState> & ObservedPoll;

/** Processor of the `atlas-polls` queue. */
export function createPollProcessor(context: WorkerContext): Processor<PollData, PollResult> {
  return createProcessor(context, {
    queueName: POLLS_QUEUE,
    newState: ({ attemptsMade, data }) => newPollState(attemptsMade, data.documentIds.length),
    digest: ({ polls, present, total, nextPollAt }) => ({ polls, present, total, nextPollAt }),
    step(entry) {
      entry.state = enterPoll(entry.state, entry.job, context.clock.now());
      return pollAndDecide(
        Object.assign(entry, { context, data: entry.job.data, wokenAtMs: null }),
      );
    },
  });
}

/** Polls once. The job sleeps until the next poll, or ends with its result. */
async function pollAndDecide(entry: PollEntry): Promise<StepResult<PollResult>> {
  const early = await eventBeforePoll(entry);
  try {
    const decision = early ? decide(entry, early) : await poll(entry);
    return await carryOut(entry, decision);
  } catch (error) {
    rethrowInterruption(error, entry);
    return carryOut(entry, decide(entry, eventOfError(entry, error)));
  }
}

/** What the outside wants, and what earlier runs came to, may end the job before it polls. */
async function eventBeforePoll(entry: PollEntry): Promise<PollEvent | null> {
  const { context, data, state, job } = entry;
  const { cancelled, wokenAt } = await readFlags(context, data.reference, data.batchTimestamp);
  // Atlas may have called before it answered the upload.
  const since = state.lastPollAt ?? data.sentAt - context.config.ATLAS_TIMEOUT_MS;
  entry.wokenAtMs = wokenAt > since ? wokenAt - data.sentAt : null;
  if (cancelled) {
    return { kind: 'cancelled', reason: { code: 'CANCELLED', message: cancelled.reason } };
  }
  const stalls = job.stalledCounter - state.stallsBefore;
  if (stalls < MAX_STALLS) return null;
  const message = `workers died ${stalls} times while they polled ${data.atlasBatchId}`;
  return { kind: 'deadly', reason: { code: 'INTERNAL', message } };
}

async function poll(entry: PollEntry): Promise<PollDecision> {
  const { context, data, signal } = entry;
  entry.state = beginPoll(entry.state, context.clock.now());
  const full = isLastPoll(entry.state, deadlinesOf(data, context.config.BATCH_DEADLINE_MS));
  const { seen: before, wantedBytes = 0 } = entry.state;
  const single = entry.state.perPage === 1;
  const options = { full, before, perPage: perPageOf(entry), single, wantedBytes };
  const memory = context.pollMemory.open(data.atlasBatchId, data.documentIds.length);
  try {
    const reading = await pollOnce(context, data, options, memory, signal);
    const decision = decide(entry, { kind: 'read', reading });
    if (decision.next !== 'store' || !reading.found) return decision;
    return await store(entry, reading.found);
  } finally {
    memory.close();
  }
}

/** Extracts asked for at once: as configured, or fewer where that was too large. */
function perPageOf({ context, state }: PollEntry): number {
  const { ATLAS_EXTRACTS_PER_PAGE: configured } = context.config;
  return Math.min(configured, state.perPage ?? configured);
}

async function store(entry: PollEntry, found: Reconciliation): Promise<PollDecision> {
  await storeResult(entry, found);
  const { data } = entry;
  const indexes = fromRanges(data.documentIndexes);
  const decision = decide(entry, {
    kind: 'stored',
    present: found.present,
    missing: toRanges(found.missing().flatMap((position) => indexes[position] ?? [])),
    unexpected: found.unexpected().reduce((sum, { extracts }) => sum + extracts.length, 0),
    unreadable: found.unreadable().length,
  });
  if (entry.state.finalCheck === undefined)
    recordObservation(entry, found.present === entry.state.total);
  return decision;
}

/** Changes the state; what is to be done about it is for {@link carryOut}. */
function decide(entry: PollEntry, event: PollEvent): PollDecision {
  const { context, data, state } = entry;
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
  entry.state = decision.state;
  return decision;
}

async function carryOut(entry: PollEntry, decision: PollDecision): Promise<StepResult<PollResult>> {
  if (decision.next === 'end') {
    await saveResult(entry, decision.result);
    return { kind: 'finished', value: decision.result };
  }
  const { context, data, lease, state } = entry;
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

function eventOfError(entry: PollEntry, error: unknown): PollEvent {
  const { context, data } = entry;
  if (error instanceof UnknownBatchError) return { kind: 'not-found', reason: error.reason };
  const halve = error instanceof ResponseError ? error.row.halve : undefined;
  if (error instanceof ResponseError && halve) {
    const { reason, retryAfterMs } = error;
    return { kind: 'page-unreadable', halve, reason, perPage: perPageOf(entry), retryAfterMs };
  }
  if (error instanceof NoMemoryError) {
    context.metrics.pollMemoryWaits.inc();
    return { kind: 'no-memory', wantedBytes: error.wantedBytes };
  }
  if (error instanceof OwnFaultError) context.ownFaults.note(error);
  if (error instanceof TransientError) {
    const { reason, retryAfterMs } = error;
    if (error instanceof BudgetExceededError) return { kind: 'no-room', reason, retryAfterMs };
    if (!(error instanceof OwnFaultError)) context.warnOfDelay(error);
    return { kind: 'transient-error', reason, retryAfterMs };
  }
  const { reference, atlasBatchId } = data;
  const fields = { reference, atlasBatchId, ...errorFields(error) };
  context.logger.error(fields, `an unforeseen error while polling ${atlasBatchId}`);
  const name = error instanceof Error ? error.name : 'error';
  const message = `an unforeseen ${name} while polling ${atlasBatchId}; the log has its stack`;
  return { kind: 'unexpected-error', reason: { code: 'INTERNAL', message } };
}

async function saveResult({ context, data, lease, state }: PollEntry, result: PollResult) {
  const { gateMember } = data;
  const { status, present, polls, unexpected, unreadable, reason } = result;
  const why = reason ? ` (${describeReason(reason)})` : '';
  await lease.save(
    state,
    `${status} after ${plural(polls, 'poll')}: ${present} of ${state.total} present${why}`,
    gateMember === undefined ? {} : { also: context.gate.release(gateMember) },
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
