/**
 * The `poll` job: polls once, then sleeps and polls again, until it has a result.
 * "Not yet" is never a failure; a result is a value, and a poll job always completes.
 */
import { TransientError, UnknownBatchError } from '../../errors.js';
import type { Reconciliation } from '../../extracts/reconcile.js';
import { POLLS_QUEUE } from '../../jobs/queues.js';
import { newPollState, type PollData, type PollResult } from '../../jobs/state/poll-state.js';
import type { WorkerContext } from '../context.js';
import { createProcessor, rethrowInterruption, type StepResult } from '../runtime/run-step.js';
import { settleLostEntries } from '../runtime/settle-lost-entries.js';
import { flagKeys, readFlags, toFlags } from '../runtime/signals.js';
import type { Processor } from '../runtime/slot.js';
import { endPoll } from './end-poll.js';
import { eventOfError } from './event-of-error.js';
import { deadlinesOf, nextPollDelayMs, retryDelayMs } from './next-poll.js';
import { recordObservation } from './observe.js';
import type { PollDecision } from './poll-decision.js';
import { deadlineMsOf, type PollEntry, pagingOf } from './poll-entry.js';
import type { PollEvent } from './poll-event.js';
import { richerOf } from './reading/last-readings.js';
import type { PollAccount } from './reading/poll-memory.js';
import { pollOnce } from './reading/read-extracts.js';
import { countsOf, storeResult } from './store-result.js';
import {
  afterKeeping,
  afterPoll,
  beginPoll,
  enterPoll,
  isLastPoll,
  waitOverDeaths,
} from './transitions.js';

/** Errors in a row from which on what was read before is stored: most pass sooner. */
const KEPT_FROM_ERRORS = 3;

/** Processor of the `atlas-polls` queue. */
export function createPollProcessor(context: WorkerContext): Processor<PollData, PollResult> {
  return createProcessor(context, {
    queueName: POLLS_QUEUE,
    newState: ({ attemptsMade, data }) => newPollState(attemptsMade, data.documentIds.length),
    digest: ({ polls, present, total, nextPollAt }) => ({ polls, present, total, nextPollAt }),
    lost: ({ data: { reference, batchTimestamp: timestamp, atlasBatchId } }) =>
      context.erased.eraseAgain({ reference, timestamp, atlasBatchIds: [atlasBatchId] }),
    step(entry) {
      entry.state = enterPoll(entry.state, entry.job, context.clock.now());
      return pollAndDecide(
        Object.assign(entry, {
          context,
          data: entry.job.data,
          wokenAtMs: null,
          extendedMs: 0,
          stored: null,
        }),
      );
    },
  });
}

/** Polls once. The job sleeps until the next poll, or ends with its result. */
async function pollAndDecide(entry: PollEntry): Promise<StepResult<PollResult>> {
  const deaths = await settleDeaths(entry);
  if (deaths?.kind === 'sleep') return deaths;
  const early = deaths ?? (await eventBeforePoll(entry));
  try {
    const decision = early ? await decideKeeping(entry, early) : await poll(entry);
    return carryOut(entry, decision);
  } catch (error) {
    rethrowInterruption(error, entry);
    return carryOut(entry, await decideKeeping(entry, eventOfError(entry, error)));
  }
}

/** What the outside wants, and what earlier runs came to, may end the job before it polls. */
async function eventBeforePoll(entry: PollEntry): Promise<PollEvent | null> {
  const { context, data, state } = entry;
  const flags = entry.flags
    ? toFlags(entry.flags, data.batchTimestamp)
    : await readFlags(context, data.reference, data.batchTimestamp);
  const { cancelled, wokenAt } = flags;
  entry.extendedMs = flags.extendedMs;
  // Atlas may have called before it answered the upload.
  const since = state.lastPollAt ?? data.sentAt - context.config.ATLAS_TIMEOUT_MS;
  entry.wokenAtMs = wokenAt > since ? wokenAt - data.sentAt : null;
  if (cancelled) {
    return { kind: 'cancelled', reason: { code: 'CANCELLED', message: cancelled.reason } };
  }
  return null;
}

/** What workers that died over the job lead to; null where it goes on. */
function settleDeaths(entry: PollEntry) {
  const { context, data } = entry;
  const { reference, atlasBatchId, batchTimestamp } = data;
  const { heartbeat, metrics, logger } = context;
  const now = context.clock.now();
  return settleLostEntries(entry, {
    what: `the poll job of ${atlasBatchId}`,
    heartbeat,
    now,
    beginWait(delayMs, reason) {
      entry.state = waitOverDeaths(entry.state, reason, now + delayMs);
    },
    tell(message) {
      metrics.deadlyJobs.inc({ kind: 'poll' });
      logger.error({ reference, atlasBatchId }, message);
    },
    isCancelled: async () =>
      (await readFlags(context, reference, batchTimestamp)).cancelled !== null,
  });
}

async function poll(entry: PollEntry): Promise<PollDecision> {
  const { context, data, signal } = entry;
  entry.state = beginPoll(entry.state, context.clock.now());
  const full = isLastPoll(entry.state, deadlinesOf(data, deadlineMsOf(entry)));
  const { wantedBytes = 0 } = entry.state;
  const options = { ...pagingOf(context, entry.state), full, wantedBytes };
  const memory = context.pollMemory.open(data.atlasBatchId, data.documentIds.length);
  let read: Reconciliation | undefined;
  const onBegin = (found: Reconciliation) => {
    read = found;
  };
  try {
    const reading = await pollOnce(context, data, { ...options, onBegin }, memory, signal);
    const decision = decide(entry, { kind: 'read', reading });
    if (decision.next === 'store' && reading.found) return await store(entry, reading.found);
    if (reading.found) remember(entry, reading.found, memory);
    return decision;
  } catch (error) {
    // Pages that were read count, also when a later one failed.
    const isKept = error instanceof TransientError || error instanceof UnknownBatchError;
    if (read && isKept && !remember(entry, read, memory)) await keep(entry, read);
    throw error;
  } finally {
    memory.close();
  }
}

/** For the case that Atlas cannot be read any more. @returns false where it is too large for that. */
function remember(entry: PollEntry, found: Reconciliation, memory: PollAccount): boolean {
  const { context, data, state } = entry;
  if (found.present <= state.stored) return true;
  return context.lastReadings.remember(data, found, { memory, deadlineMs: deadlineMsOf(entry) });
}

/** Stores what was read though more may come. A failure decides nothing: the next error tries again. */
async function keep(entry: PollEntry, found: Reconciliation): Promise<boolean> {
  try {
    await entry.context.erased.endStoring(await storeResult(entry, found));
  } catch (error) {
    rethrowInterruption(error, entry);
    // For the log.
    eventOfError(entry, error);
    return false;
  }
  entry.state = afterKeeping(entry.state, countsOf(entry, found));
  return true;
}

/** A list that is shorter than before may be so by mistake: the best reading counts. */
async function store(entry: PollEntry, last: Reconciliation): Promise<PollDecision> {
  const { lastReadings } = entry.context;
  const found = await lastReadings.using(entry.data, async (earlier) => {
    const richer = richerOf(last, earlier);
    entry.stored = await storeResult(entry, richer);
    return richer;
  });
  const decision = decide(entry, { kind: 'stored', ...countsOf(entry, found) });
  // What took longer than others may is no guide for them.
  if (entry.state.finalCheck === undefined && entry.extendedMs === 0)
    recordObservation(entry, found.present === entry.state.total);
  return decision;
}

/**
 * As {@link decide}, where nothing was learnt. When that lasts or ends the job, what an earlier poll of this
 * process has read is stored: the poll that ends it may be another's, which does not remember.
 */
async function decideKeeping(entry: PollEntry, event: PollEvent): Promise<PollDecision> {
  const before = entry.state;
  const decision = decide(entry, event);
  const { errorStreak, notFoundSince, perPage } = decision.state;
  const manyErrors = (errorStreak?.count ?? 0) >= KEPT_FROM_ERRORS;
  const lasts = manyErrors || notFoundSince !== null || perPage !== before.perPage;
  if (decision.next === 'sleep' && !lasts) return decision;
  const { lastReadings } = entry.context;
  return await lastReadings.using(entry.data, async (found) => {
    if (found === null || found.present <= before.stored) return decision;
    entry.state = before;
    if (await keep(entry, found)) lastReadings.forget(entry.data);
    return decide(entry, event);
  });
}

/** Changes the state; what is to be done about it is for {@link carryOut}. */
function decide(entry: PollEntry, event: PollEvent): PollDecision {
  const { context, data, state } = entry;
  const now = context.clock.now();
  const deadlineMs = deadlineMsOf(entry);
  const decision = afterPoll(state, event, {
    data,
    now,
    deadlines: deadlinesOf(data, deadlineMs),
    deadlineMs,
    nextPollMs: (next) => nextPollDelayMs(context, data, next, { now, deadlineMs }),
    retryMs: (count, retryAfterMs) => retryDelayMs(context, count, retryAfterMs),
  });
  entry.state = decision.state;
  return decision;
}

function carryOut(entry: PollEntry, decision: PollDecision): StepResult<PollResult> {
  if (decision.next === 'end') return endPoll(entry, decision.result);
  const { context, data, state } = entry;
  return {
    kind: 'save-and-sleep',
    delayMs: Math.max(0, (state.nextPollAt ?? 0) - context.clock.now()),
    line: decision.next === 'sleep' ? decision.line : '',
    read: flagKeys(context, data.reference),
    isWanted(values) {
      const { cancelled, wokenAt } = toFlags(values, data.batchTimestamp);
      return cancelled !== null || wokenAt > (state.lastPollAt ?? 0);
    },
  };
}
