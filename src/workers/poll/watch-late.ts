/**
 * The `watch` job's step: polls each Atlas batch of which documents are missing. When one has more than its result,
 * the batch is retried for that, and announces what it then has. The watch goes on until its time is over.
 */
import type { Job } from 'bullmq';
import { retryForLateDocuments } from '../../batches/retry.js';
import { errorFields, TransientError, UnknownBatchError } from '../../errors.js';
import { batchJobId, pollJobId } from '../../jobs/ids.js';
import { POLLS_QUEUE } from '../../jobs/queues.js';
import {
  type BatchState,
  type EndedUpload,
  readState,
  uploadsStillMissing,
} from '../../jobs/state/batch-state.js';
import {
  newWatchState,
  nextWatchAt,
  type WatchData,
  type WatchState,
} from '../../jobs/state/late-watch.js';
import { newPollState, type PollData, type PollState } from '../../jobs/state/poll-state.js';
import type { WorkerContext } from '../context.js';
import {
  createProcessor,
  rethrowInterruption,
  type StepEntry,
  type StepResult,
} from '../runtime/run-step.js';
import { settleLostEntries } from '../runtime/settle-lost-entries.js';
import { readFlags } from '../runtime/signals.js';
import type { Processor } from '../runtime/slot.js';
import { retryDelayMs } from './next-poll.js';
import { pagingOf } from './poll-entry.js';
import { NoMemoryError } from './reading/memory-errors.js';
import { pollOnce } from './reading/read-extracts.js';

/** Why a watch is over. */
type WatchEnd = 'over' | 'not-awaited' | 'given-up';

type WatchEntry = StepEntry<WatchData, WatchState>;

/** Processor of the `watch` jobs of the `atlas-polls` queue. */
export function createWatchProcessor(context: WorkerContext): Processor<WatchData, WatchEnd> {
  return createProcessor<WatchData, WatchState, WatchEnd>(context, {
    queueName: POLLS_QUEUE,
    newState: newWatchState,
    digest: ({ polledAt }) => ({ polledAt }),
    step: (entry) => watch(context, entry),
  });
}

async function watch(context: WorkerContext, entry: WatchEntry): Promise<StepResult<WatchEnd>> {
  const { data } = entry.job;
  entry.state = { ...newWatchState(), ...entry.state };
  const deaths = await settleDeaths(context, entry);
  if (deaths?.kind === 'sleep') return deaths;
  if (deaths !== null) return { kind: 'finished', value: 'given-up' };
  const batch: Job | undefined = await context.batches.getJob(batchJobId(data.reference));
  const stored = batch && readState<BatchState>(batch.progress);
  const state = stored?.kind === 'known' ? stored.state : null;
  // It is gone, used again, or retried by an operator.
  const isAwaited =
    batch?.timestamp === data.batchTimestamp &&
    state?.lateSince === data.since &&
    context.config.LATE_RESULTS_FOR_MS > 0;
  if (!isAwaited || !batch) return { kind: 'finished', value: 'not-awaited' };
  try {
    const polledAt = context.clock.now();
    // While it takes over what came late, its own polls find what else there is.
    if (state.outcome && batch.finishedOn !== undefined && (await hasMore(context, entry, state))) {
      await retryForLateDocuments(
        { ...context, prefix: context.config.QUEUE_PREFIX },
        batch,
        data.reference,
      );
    }
    entry.state = { ...entry.state, polledAt, failures: 0 };
  } catch (error) {
    rethrowInterruption(error, entry);
    return afterError(context, entry, error);
  }
  await entry.lease.save(entry.state);
  const { polledAt } = entry.state;
  const next = nextWatchAt(data.since, context.config.LATE_RESULTS_FOR_MS, polledAt);
  if (next === null) return { kind: 'finished', value: 'over' };
  return sleepUntil(context, entry, next);
}

/** What workers that died over the watch lead to; null where it goes on. */
function settleDeaths(context: WorkerContext, entry: WatchEntry) {
  const { heartbeat, clock, metrics, logger } = context;
  const { reference } = entry.job.data;
  const what = `the wait for late documents of ${reference}`;
  return settleLostEntries(entry, {
    what,
    heartbeat,
    now: clock.now(),
    beginWait() {},
    tell(message) {
      metrics.deadlyJobs.inc({ kind: 'watch' });
      logger.error({ reference }, message);
    },
    // Its batch has ended: there is nothing to cancel.
    isCancelled: async () => false,
  });
}

/** Whether an Atlas batch has extracts of more documents than its result. */
async function hasMore(
  context: WorkerContext,
  { signal }: WatchEntry,
  state: BatchState,
): Promise<boolean> {
  for (const upload of uploadsStillMissing(state)) {
    context.stopping.throwIfAborted();
    if (await hasMoreOf(context, upload, signal)) return true;
  }
  return false;
}

async function hasMoreOf(
  context: WorkerContext,
  { atlasBatchId, result }: EndedUpload,
  signal: AbortSignal,
): Promise<boolean> {
  const poll: Job<PollData> | undefined = await context.pollJobs.getJob(pollJobId(atlasBatchId));
  if (!poll) return false;
  const { data } = poll;
  const stored = readState<PollState>(poll.progress);
  const known =
    stored.kind === 'known'
      ? stored.state
      : newPollState(poll.attemptsMade, data.documentIds.length);
  const memory = context.pollMemory.open(atlasBatchId, data.documentIds.length);
  try {
    const options = { ...pagingOf(context, known), full: true, wantedBytes: 0 };
    const { found } = await pollOnce(context, data, options, memory, signal);
    return (found?.present ?? 0) > result.present;
  } catch (error) {
    // Atlas has forgotten it: nothing more comes of that one.
    if (error instanceof UnknownBatchError) return false;
    throw error;
  } finally {
    memory.close();
  }
}

/** Tried again soon, and never beyond the end. */
async function afterError(
  context: WorkerContext,
  entry: WatchEntry,
  error: unknown,
): Promise<StepResult<WatchEnd>> {
  const { data } = entry.job;
  const { clock, config, logger } = context;
  if (!(error instanceof TransientError) && !(error instanceof NoMemoryError)) {
    const { reference } = data;
    const message = `an unforeseen error while late documents of ${reference} were awaited`;
    logger.error({ reference, ...errorFields(error) }, message);
  }
  const failures = entry.state.failures + 1;
  entry.state = { ...entry.state, failures };
  await entry.lease.save(entry.state);
  const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : 0;
  const next = clock.now() + retryDelayMs(context, failures, retryAfterMs);
  if (next > data.since + config.LATE_RESULTS_FOR_MS)
    return { kind: 'finished', value: 'given-up' };
  return sleepUntil(context, entry, next);
}

/** A callback that came while it was busy ends its sleep. */
function sleepUntil(
  context: WorkerContext,
  { job: { data }, state }: WatchEntry,
  at: number,
): StepResult<WatchEnd> {
  return {
    kind: 'sleep',
    delayMs: Math.max(0, at - context.clock.now()),
    async afterwards() {
      const { wokenAt } = await readFlags(context, data.reference, data.batchTimestamp);
      return state.polledAt !== null && wokenAt > state.polledAt;
    },
  };
}
