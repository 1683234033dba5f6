/**
 * The `batch` job: carries a batch from start to end. It is entered again and again, after every
 * wait and every crash, and goes on from its saved state; see ARCHITECTURE.md for the states.
 */
import type { Job } from 'bullmq';
import { BudgetExceededError } from '../../atlas/budget.js';
import { promoteIfDelayed } from '../../batches/promote.js';
import { LockLostError, PermanentError, type Reason, TransientError } from '../../errors.js';
import { type BatchState, newBatchState, readState } from '../../jobs/batch-state.js';
import {
  eventId,
  invalidEventId,
  REFERENCE_PATTERN,
  referenceOfBatchJobId,
} from '../../jobs/ids.js';
import { startedKey } from '../../jobs/liveness.js';
import { BATCH_JOB, BATCHES_QUEUE } from '../../jobs/queues.js';
import { type BatchRequest, checkBatchRequest } from '../../jobs/request.js';
import type { BatchSummary } from '../../jobs/summary.js';
import { errorFields } from '../../logging.js';
import type { WorkerContext } from '../context.js';
import { describeError } from '../poll/next-poll.js';
import { backoffMs } from '../runtime/backoff.js';
import { JobLease, NEWER_STATE_DELAY_MS } from '../runtime/job-lease.js';
import type { Slot } from '../runtime/prefetching-worker.js';
import { isDecision, MAX_STALLS, MAX_UNEXPECTED_ERRORS, runJob } from '../runtime/run-step.js';
import { advanceBatch } from './advance-batch.js';
import {
  type BatchContext,
  countTransientError,
  deadlineOf,
  flagsOf,
  isPastDeadline,
} from './batch-context.js';
import { collectPolls } from './collect-polls.js';
import { announce, beginRetry, type EndingBatch, endBatch } from './finish-batch.js';
import { resolveUnknownUploads } from './submit-upload.js';

/** Back-off of a batch that cannot be submitted: fast enough to use a short calm, slow enough to wait out a night. */
const ERROR_BACKOFF = { baseMs: 1000, capMs: 60_000 };

/** Processor of the `atlas-batches` queue. Throws nothing but BullMQ's control errors. */
export async function processBatch(
  context: WorkerContext,
  job: Job<unknown>,
  slot: Slot,
): Promise<BatchSummary> {
  const { redis, config, logger, clock } = context;
  const { signal } = slot;
  const lease = new JobLease<BatchState>({
    redis,
    queueKey: `${config.QUEUE_PREFIX}:${BATCHES_QUEUE}`,
    job,
    slot,
    clock,
    digest: digestState,
    started: { key: startedKey(config.QUEUE_PREFIX), at: startOfRun },
  });
  return runJob(
    logger,
    lease.jobId,
    () => lease.giveBack(),
    async () => {
      const stored = readState<BatchState>(job.progress);
      if (stored.kind === 'newer') throw await lease.moveToDelayed(NEWER_STATE_DELAY_MS);
      const state =
        stored.kind === 'known' ? stored.state : newBatchState(job.attemptsMade, clock.now());
      const identity = identify(job);
      const batch: EndingBatch = { context, job, lease, state, ...identity };
      if (state.outcome) {
        const { outcome } = state;
        const retried = job.attemptsMade > outcome.attemptsMade && outcome.status === 'failed';
        if (!retried) return announce(batch, { ...state, outcome });
        await beginRetry(batch);
      }
      const { request, issues } = identity;
      if (!request) {
        return endBatch(batch, 'failed', { code: 'INVALID_JOB', message: issues.join('; ') });
      }
      const run: BatchContext = {
        context,
        job,
        lease,
        request,
        state,
        addedPolls: new Map(),
        signal,
      };
      try {
        const ending = await enter(run);
        return await endBatch(batch, ending.status, ending.reason);
      } catch (error) {
        if (signal.aborted) throw new LockLostError(lease.jobId);
        if (error instanceof PermanentError) return endBatch(batch, 'failed', error.reason);
        if (error instanceof TransientError) {
          if (hasNothingLeft(run)) return endBatch(batch, 'failed', error.reason);
          throw await waitOut(run, error);
        }
        if (isDecision(error)) throw error;
        return endAfterUnexpectedError(batch, run, error);
      }
    },
  );
}

type Ending = Awaited<ReturnType<typeof advanceBatch>>;

async function enter(run: BatchContext): Promise<Ending> {
  const stalls = run.job.stalledCounter - run.state.stallsBefore;
  if (stalls >= MAX_STALLS) return endAfterStalls(run, stalls);
  await resolveUnknownUploads(run);
  return advanceBatch(run);
}

/** Does as little as it can: one of the steps before this has killed the workers. */
async function endAfterStalls(run: BatchContext, stalls: number): Promise<Ending> {
  // What the polls obtain is told too, unless it is the asking that kills.
  const mayCollect = stalls < 2 * MAX_STALLS;
  do {
    const waiting = await run.lease.waitForChildren();
    if (waiting) throw waiting;
  } while (mayCollect && (await collectPolls(run)) > 0);
  const message = `workers died ${stalls} times while they had this batch`;
  return { status: 'failed', reason: { code: 'INTERNAL', message } };
}

/** Past the deadline, and nothing at Atlas to wait for. */
function hasNothingLeft(run: BatchContext): boolean {
  return isPastDeadline(run) && run.state.uploads.every(({ state }) => state !== 'sent');
}

/** A transient error never ends a batch before its deadline: counted, and slept over. */
async function waitOut(run: BatchContext, error: TransientError): Promise<Error> {
  const { context, state, lease } = run;
  // No error, only no turn: comes back exactly when it is told to.
  if (error instanceof BudgetExceededError) return sleep(run, error.retryAfterMs);
  const count = countTransientError(state, error.reason);
  const left = Math.max(ERROR_BACKOFF.baseMs, deadlineOf(run) - context.clock.now());
  const wanted = Math.max(error.retryAfterMs, backoffMs(count, ERROR_BACKOFF, context.random));
  const delay = Math.min(left, wanted);
  await lease.save(state, describeError(count, error.reason, delay));
  return sleep(run, delay);
}

/** A request to cancel that came while the job was busy ends its sleep at once. */
async function sleep(run: BatchContext, delayMs: number): Promise<Error> {
  const asleep = await run.lease.moveToDelayed(delayMs);
  if ((await flagsOf(run)).cancelled !== null) {
    await promoteIfDelayed(run.context.batches, run.lease.jobId);
  }
  return asleep;
}

async function endAfterUnexpectedError(
  batch: EndingBatch,
  run: BatchContext,
  error: unknown,
): Promise<BatchSummary> {
  const { context, state, lease } = run;
  state.unexpectedErrors += 1;
  const { reference } = run.request;
  context.logger.error(
    { reference, ...errorFields(error) },
    `an unforeseen error in batch ${reference}`,
  );
  const name = error instanceof Error ? error.name : 'error';
  const reason: Reason = {
    code: 'INTERNAL',
    message: `an unforeseen ${name} in this batch; the log has its stack`,
  };
  const mayEnd = isPastDeadline(run) || state.uploads.every((upload) => upload.state !== 'sent');
  if (state.unexpectedErrors > MAX_UNEXPECTED_ERRORS && mayEnd)
    return endBatch(batch, 'failed', reason);
  const delay = backoffMs(state.unexpectedErrors, ERROR_BACKOFF, context.random);
  await lease.save(state, describeError(state.unexpectedErrors, reason, delay));
  throw await sleep(run, delay);
}

interface Identity {
  request: BatchRequest | null;
  issues: string[];
  reference: string | null;
  firstEventId: string;
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
    firstEventId: agrees ? eventId(ofId) : invalidEventId(jobId),
  };
}

/** When the run began, for those who watch; null once it has its outcome. */
function startOfRun({ outcome, startedAt }: BatchState): number | null {
  return outcome ? null : startedAt;
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
