/**
 * The `batch` job: carries a batch from start to end. It is entered again and again, after every
 * wait and every crash, and goes on from its saved state; see ARCHITECTURE.md for the states.
 */
import type { Job } from 'bullmq';
import { BudgetExceededError } from '../../atlas/budget.js';
import { ResponseError } from '../../atlas/response-errors.js';
import {
  errorFields,
  OwnFaultError,
  PermanentError,
  type Reason,
  TransientError,
} from '../../errors.js';
import { type BatchState, newBatchState } from '../../jobs/batch-state.js';
import {
  eventJobId,
  invalidEventJobId,
  REFERENCE_PATTERN,
  referenceOfBatchJobId,
} from '../../jobs/ids.js';
import { BATCH_JOB, BATCHES_QUEUE } from '../../jobs/queues.js';
import { startedKey } from '../../jobs/redis-keys.js';
import { type BatchRequest, checkBatchRequest } from '../../jobs/request.js';
import type { BatchSummary } from '../../jobs/summary.js';
import type { WorkerContext } from '../context.js';
import { backoffMs, describeError, MAX_STALLS, MAX_UNEXPECTED_ERRORS } from '../runtime/backoff.js';
import type { Processor } from '../runtime/queue-worker.js';
import {
  createProcessor,
  rethrowInterruption,
  type StepEntry,
  type StepResult,
} from '../runtime/run-step.js';
import { advanceBatch, type Ending, type Sleep, type WaitForChildren } from './advance-batch.js';
import {
  type BatchContext,
  type BatchEntry,
  clockStart,
  deadlineOf,
  flagsOf,
  isPastDeadline,
} from './batch-context.js';
import { collectPolls } from './collect-polls.js';
import { announce, endBatch, retryBatch } from './finish-batch.js';
import { leaveUnsent } from './gate-turn.js';
import { settleSending } from './settle-sending.js';
import { countTransientError, countUnexpectedError, resumeClock } from './transitions.js';

/** Back-off of a batch that cannot be submitted: fast enough to use a short calm, slow enough to wait out a night. */
const ERROR_BACKOFF = { baseMs: 1000, capMs: 60_000 };

/** To ask again for a receipt; up to twice as long. Its sender writes it within a request's time. */
const RECEIPT_WAIT_MS = 1000;

/** Processor of the `atlas-batches` queue. */
export function createBatchProcessor(context: WorkerContext): Processor<unknown, BatchSummary> {
  return createProcessor<unknown, BatchState, BatchSummary>(context, {
    queueName: BATCHES_QUEUE,
    newState: (job) => newBatchState(job.attemptsMade, context.clock.now()),
    digest: digestState,
    started: { key: startedKey(context.config.QUEUE_PREFIX), at: startOfRun },
    step: (entry) => stepBatch(context, entry),
  });
}

async function stepBatch(
  context: WorkerContext,
  step: StepEntry<unknown, BatchState>,
): Promise<StepResult<BatchSummary>> {
  const { request, issues, ...identity } = identify(step.job);
  const batch: BatchEntry = Object.assign(step, { context, request, ...identity });
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
    return hasNothingLeft(entry) ? endBatch(entry, 'failed', error.reason) : waitOut(entry, error);
  }
}

async function enter(entry: BatchContext): Promise<Ending | WaitForChildren | Sleep> {
  const stalls = entry.job.stalledCounter - entry.state.stallsBefore;
  if (stalls >= MAX_STALLS) return endAfterStalls(entry, stalls);
  entry.state = resumeClock(entry.state, entry.context.clock.now());
  if ((await settleSending(entry)) === 0) return advanceBatch(entry);
  // Whoever waits for a receipt is not woken by a request to cancel: it could do nothing about it.
  return { kind: 'sleep', delayMs: RECEIPT_WAIT_MS * (1 + entry.context.random()) };
}

/** Does as little as it can: one of the steps before this has killed the workers. */
async function endAfterStalls(
  entry: BatchContext,
  stalls: number,
): Promise<Ending | WaitForChildren> {
  const wait: WaitForChildren = { kind: 'wait-for-children', added: [] };
  if (!entry.childrenDone) return wait;
  // What the polls obtain is told too, unless it is the asking that kills.
  const mayCollect = stalls < 2 * MAX_STALLS;
  if (mayCollect && (await collectPolls(entry)) > 0) return wait;
  const message = `workers died ${stalls} times while they had this batch`;
  return { kind: 'ending', status: 'failed', reason: { code: 'INTERNAL', message } };
}

/** Past the deadline, and nothing at Atlas to wait for. */
function hasNothingLeft(entry: BatchContext): boolean {
  return isPastDeadline(entry) && entry.state.uploads.every(({ state }) => state !== 'sent');
}

/** A transient error never ends a batch before its deadline: counted, and slept over. */
async function waitOut(entry: BatchContext, error: TransientError): Promise<Sleep> {
  const { context, lease } = entry;
  // No error, only no turn: comes back exactly when it is told to.
  if (error instanceof BudgetExceededError) return sleep(entry, error.retryAfterMs);
  await leaveUnsent(entry);
  entry.state = countTransientError(entry.state, error.reason);
  const count = entry.state.errorStreak?.count ?? 1;
  const left = Math.max(ERROR_BACKOFF.baseMs, deadlineOf(entry) - context.clock.now());
  const inRow = relevantErrors(entry, error, count);
  const wanted = Math.max(error.retryAfterMs, backoffMs(inRow, ERROR_BACKOFF, context.random));
  const delay = Math.min(left, wanted);
  await lease.save(entry.state, describeError(count, error.reason, delay));
  return sleep(entry, delay);
}

/** Errors in a row by which a batch backs off. */
function relevantErrors({ context }: BatchContext, error: TransientError, count: number): number {
  // Another worker may take it at once.
  if (error instanceof OwnFaultError) return 1;
  // While others pass, Atlas is well, and only this batch had bad luck.
  return isOfAtlas(error) ? Math.min(count, context.atlas.failuresInRow()) : count;
}

/** Whether the process's own requests tell how lasting the error is. */
function isOfAtlas(error: TransientError): boolean {
  return error instanceof ResponseError && error.row.countsAsOutage === true;
}

/** A request to cancel that came while the job was busy ends its sleep at once. */
function sleep(entry: BatchContext, delayMs: number): Sleep {
  return {
    kind: 'sleep',
    delayMs,
    afterwards: async () => (await flagsOf(entry)).cancelled !== null,
  };
}

async function afterUnexpectedError(
  entry: BatchContext,
  error: unknown,
): Promise<StepResult<BatchSummary>> {
  const { context, lease } = entry;
  entry.state = countUnexpectedError(entry.state);
  const { unexpectedErrors, uploads } = entry.state;
  const { reference } = entry.request;
  context.logger.error(
    { reference, ...errorFields(error) },
    `an unforeseen error in batch ${reference}`,
  );
  const name = error instanceof Error ? error.name : 'error';
  const reason: Reason = {
    code: 'INTERNAL',
    message: `an unforeseen ${name} in this batch; the log has its stack`,
  };
  const mayEnd = isPastDeadline(entry) || uploads.every((upload) => upload.state !== 'sent');
  if (unexpectedErrors > MAX_UNEXPECTED_ERRORS && mayEnd) return endBatch(entry, 'failed', reason);
  await leaveUnsent(entry);
  const delay = backoffMs(unexpectedErrors, ERROR_BACKOFF, context.random);
  await lease.save(entry.state, describeError(unexpectedErrors, reason, delay));
  return sleep(entry, delay);
}

interface Identity {
  request: BatchRequest | null;
  issues: string[];
  reference: string | null;
  firstEventJobId: string;
}

/** Who a job is: by its id, never by its data; and whether its data is a valid request for it. */
function identify(job: Job<unknown>): Identity {
  const jobId = job.id ?? '';
  const check = checkBatchRequest(job.data);
  const issues = check.valid ? [] : [...check.issues];
  const named = (job.data as { reference?: unknown } | null | undefined)?.reference;
  const ofId = referenceOfBatchJobId(jobId);
  const agrees = ofId !== null && (named === undefined || named === ofId);
  if (!agrees) issues.push('the jobId must be batch-<reference>');
  if (job.name !== BATCH_JOB) issues.push(`the job must be named ${BATCH_JOB}`);
  const wellFormed = typeof named === 'string' && REFERENCE_PATTERN.test(named);
  return {
    request: check.valid && issues.length === 0 ? check.request : null,
    issues,
    reference: wellFormed ? named : null,
    firstEventJobId: agrees ? eventJobId(ofId) : invalidEventJobId(jobId),
  };
}

/** What the deadline counts from, for those who watch; null while it stands, and once it has its outcome. */
function startOfRun(state: BatchState): number | null {
  return state.outcome || state.inLineSince !== undefined ? null : clockStart(state);
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
