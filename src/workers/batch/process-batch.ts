/**
 * The `batch` job: carries a batch from start to end. It is entered again and again, after every
 * wait and every crash, and goes on from its saved state; see ARCHITECTURE.md for the states.
 */
import type { Job } from 'bullmq';
import { BudgetExceededError } from '../../atlas/budget.js';
import { OwnFaultError, PermanentError, TransientError } from '../../errors.js';
import { referenceOfBatchJobId } from '../../jobs/ids.js';
import { begunKey, extensionKey, startedKey } from '../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE } from '../../jobs/queues.js';
import type { BatchRequest } from '../../jobs/request/request.js';
import { type BatchState, newBatchState } from '../../jobs/state/batch-state.js';
import { factsOf } from '../../jobs/state/listed-facts.js';
import type { BatchSummary } from '../../jobs/summary.js';
import type { WorkerContext } from '../context.js';
import type { ListedAs } from '../runtime/job-lease.js';
import { MAX_DEATHS } from '../runtime/lost-entries.js';
import {
  createProcessor,
  rethrowInterruption,
  type StepEntry,
  type StepResult,
} from '../runtime/run-step.js';
import { type DeadlyJob, settleLostEntries } from '../runtime/settle-lost-entries.js';
import type { Processor } from '../runtime/slot.js';
import { advanceBatch, type Ending, type WaitForChildren } from './advance-batch.js';
import { type BatchContext, type BatchEntry, clockStart, type Sleep } from './batch-context.js';
import { collectPolls } from './collect-polls.js';
import { announce, endBatch, retryBatch } from './finish-batch.js';
import { leaveUnsent, resumeFromLine } from './gate-turn.js';
import { identify } from './identify.js';
import { countTransientError } from './transitions.js';
import { settleSending } from './upload/settle-sending.js';
import { afterUnexpectedError, hasNothingLeft, isCancelled, waitOut } from './wait-out-errors.js';

/** To ask again for a receipt; up to twice as long. Its sender writes it within a request's time. */
const RECEIPT_WAIT_MS = 1000;

/**
 * Processor of the `atlas-batches` queue.
 * @param onlyEnters Batches are taken into the line, and nothing is sent.
 */
export function createBatchProcessor(
  context: WorkerContext,
  { onlyEnters } = { onlyEnters: false },
): Processor<unknown, BatchSummary> {
  return createProcessor<unknown, BatchState, BatchSummary>(context, {
    queueName: BATCHES_QUEUE,
    newState: (job) => {
      const now = context.clock.now();
      // A later entry without a state says nothing of the queue: the worker of the first one died.
      if (job.attemptsStarted === 1)
        context.metrics.queueWaitSeconds.observe(queueWaitMs(job, now) / 1000);
      return newBatchState(job.attemptsMade, now);
    },
    digest: digestState,
    started: {
      key: startedKey(context.config.QUEUE_PREFIX),
      at: startOfRun,
      extensionKey: (jobId) => {
        const reference = referenceOfBatchJobId(jobId);
        return reference && extensionKey(context.config.QUEUE_PREFIX, reference);
      },
    },
    step: (entry) => stepBatch(context, entry, onlyEnters),
    async lost({ id = '', timestamp }) {
      const reference = referenceOfBatchJobId(id);
      // It may have added an event that nobody is to get any more.
      if (reference !== null)
        await context.erased.eraseAgain({ reference, timestamp, atlasBatchIds: [] });
    },
  });
}

/** How long a worker could have had it: a producer may have added it for later. */
function queueWaitMs({ timestamp, opts }: Job<unknown>, now: number): number {
  return Math.max(0, now - timestamp - (opts.delay ?? 0));
}

async function stepBatch(
  context: WorkerContext,
  step: StepEntry<unknown, BatchState>,
  onlyEnters: boolean,
): Promise<StepResult<BatchSummary>> {
  const { request, issues, ...identity } = identify(step.job);
  step.lease.listAs(listedAs(context, request));
  const batch: BatchEntry = Object.assign(step, { context, onlyEnters, request, ...identity });
  const { outcome } = batch.state;
  if (outcome) {
    const retried = batch.job.attemptsMade > outcome.attemptsMade && outcome.status === 'failed';
    if (!retried) return announce(batch, outcome);
    await retryBatch(batch);
  }
  if (!request) {
    return endBatch(batch, 'failed', { code: 'INVALID_JOB', message: issues.join('; ') });
  }
  const entry: BatchContext = Object.assign(batch, { request, addedPolls: new Map() });
  try {
    const next = await enter(entry);
    return next.kind === 'ending' ? await endBatch(entry, next.status, next.reason) : next;
  } catch (error) {
    rethrowInterruption(error, entry);
    if (error instanceof PermanentError) return endBatch(entry, 'failed', error.reason);
    if (!(error instanceof TransientError)) return afterUnexpectedError(entry, error);
    if (error instanceof OwnFaultError) context.ownFaults.note(error);
    else if (!(error instanceof BudgetExceededError)) context.warnOfDelay(error);
    return (await hasNothingLeft(entry))
      ? endBatch(entry, 'failed', error.reason)
      : waitOut(entry, error);
  }
}

async function enter(entry: BatchContext): Promise<Ending | WaitForChildren | Sleep> {
  const afterDeaths = await settleDeaths(entry);
  if (afterDeaths) return afterDeaths;
  if (entry.state.inLineSince !== undefined) await resumeFromLine(entry);
  if ((await settleSending(entry)) === 0) return advanceBatch(entry);
  return sleepForReceipts(entry);
}

/** Its other uploads are not sent meanwhile: at the head of the line they would keep all others waiting. */
async function sleepForReceipts(entry: BatchContext): Promise<Sleep> {
  await leaveUnsent(entry, { keepsPlace: true });
  return {
    kind: 'save-and-sleep',
    delayMs: RECEIPT_WAIT_MS * (1 + entry.context.random()),
    line: '',
    read: [],
    // Nor is it woken by a request to cancel: it could do nothing about it.
    isWanted: () => false,
  };
}

/** What workers that died over the batch lead to; null where it goes on. */
async function settleDeaths(entry: BatchContext): Promise<Ending | WaitForChildren | Sleep | null> {
  const { context, request } = entry;
  const { reference } = request;
  const settled = await settleLostEntries(entry, {
    what: 'this batch',
    heartbeat: context.heartbeat,
    now: context.clock.now(),
    async beginWait(_, reason) {
      await leaveUnsent(entry, { keepsPlace: true });
      entry.state = countTransientError(entry.state, reason);
    },
    tell(message) {
      context.metrics.deadlyJobs.inc({ kind: 'batch' });
      context.logger.error({ reference }, `batch ${reference}: ${message}`);
    },
    isCancelled: () => isCancelled(entry),
  });
  return settled?.kind === 'deadly' ? endAfterDeaths(entry, settled) : settled;
}

/** Does as little as it can: one of the steps before this has killed the workers. */
async function endAfterDeaths(
  entry: BatchContext,
  { deaths, reason }: DeadlyJob,
): Promise<Ending | WaitForChildren> {
  const wait = async (): Promise<WaitForChildren> => {
    // Asleep until its polls have ended, at the head of the line it would keep all others waiting.
    await leaveUnsent(entry, { keepsPlace: false });
    return { kind: 'wait-for-children', added: [] };
  };
  if (!entry.childrenDone) return wait();
  // What the polls obtain is told too, unless it is the asking that kills.
  const mayCollect = deaths < 2 * MAX_DEATHS;
  if (mayCollect && (await collectPolls(entry)).pending > 0) return wait();
  return { kind: 'ending', status: 'failed', reason };
}

/** What lists tell the batch by. @param request Null when the job is no valid batch. */
function listedAs(context: WorkerContext, request: BatchRequest | null): ListedAs<BatchState> {
  return {
    facts: (state) => factsOf(request, state),
    begunKey: begunKey(context.config.QUEUE_PREFIX),
    hasEnded: ({ outcome }) => outcome !== undefined,
  };
}

/** What the deadline counts from, for those who watch; null while it stands, and once it has its outcome. */
function startOfRun(state: BatchState): number | null {
  if (state.outcome || state.inLineSince !== undefined) return null;
  return clockStart(state);
}

function digestState({ round, uploads, outcome }: BatchState): object {
  const count = (state: string) => uploads.filter((upload) => upload.state === state).length;
  return {
    round,
    uploads: uploads.length,
    sent: count('sent'),
    ended: count('ended'),
    ...(outcome && { status: outcome.status }),
  };
}
