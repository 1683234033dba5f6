/** Where a batch stands: its job, its saved state and its poll jobs, joined. */
import type { Job } from 'bullmq';
import { type Reason, UnknownReferenceError } from '../../errors.js';
import { batchJobId } from '../../jobs/ids.js';
import { DEFAULT_PRIORITY, type Priority } from '../../jobs/request/request.js';
import { type BatchState, resultOf } from '../../jobs/state/batch-state.js';
import { stateUnended } from '../../jobs/state/listed-facts.js';
import { type BatchSummary, missingDocuments } from '../../jobs/summary.js';
import type { ClientQueues } from '../client-queues.js';
import {
  decidedSummaryOf,
  ENDED_BY_HAND,
  requestOf,
  stateOf,
  summaryOfEvent,
} from '../find-summary.js';
import {
  type BatchDeadline,
  type DeadlineFacts,
  deadlineOf,
  readDeadlineFacts,
} from './deadline.js';
import { type LinePlace, linePlaceOf } from './line-place.js';
import { type RequestedCancel, requestedCancelOf } from './requested-cancel.js';
import { statusOfUpload, type UploadStatus } from './upload-status.js';

/** Where a batch stands. Times are ISO 8601 in UTC. */
export interface BatchStatus {
  /** The reference of the batch. */
  reference: string;
  /**
   * `queued`: no worker has begun. `submitting`: documents are checked and sent. `in-line`: an upload waits
   * for its turn, see `line`; others of the batch may be at Atlas. `processing`: Atlas is at work, and is
   * polled. `completed` and `failed`: as in the summary.
   */
  state: 'queued' | 'submitting' | 'in-line' | 'processing' | 'completed' | 'failed';
  /** Null when the job is no valid batch. */
  productType: string | null;
  /** Whose it is. Null when it names none, or when its job is no valid batch or no longer kept. */
  tenant: string | null;
  /** As in the request, or the default. Null when the job is no valid batch, or no longer kept. */
  priority: Priority | null;
  /** Documents of the batch, those that went to Atlas (repeats included), and those of which it has sent an extract. */
  documents: { total: number; sent: number; present: number };
  /** In the order in which they were planned; empty when the batch's job is no longer kept. */
  uploads: UploadStatus[];
  /** Polls so far, over all uploads. */
  polls: number;
  /** The earliest poll that is planned for any upload; null when none is. */
  nextPollAt: string | null;
  /** When the first upload was sent; null when none was. */
  submittedAt: string | null;
  /**
   * Where it stands in line, and why it waits; null when nothing of it is in line, and for a batch `in-line` whose
   * turn has come: it goes as soon as a worker has a place for it.
   */
  line: LinePlace | null;
  /** When it has to have ended; null once it has. */
  deadline: BatchDeadline | null;
  /** Somebody has asked for its cancel, which happens when a worker takes it. Absent where nobody has. */
  cancelRequested?: RequestedCancel | undefined;
  /** The transient error that delays the batch; null when there is none. */
  lastError: Reason | null;
  /** Null until the batch has ended. */
  summary: BatchSummary | null;
}

/** @throws UnknownReferenceError; RedisUnavailableError. */
export async function readBatchStatus(
  queues: ClientQueues,
  reference: string,
): Promise<BatchStatus> {
  const job = await queues.batches.getJob(batchJobId(reference));
  if (job) return statusOfJob(queues, job, reference);
  const summary = await summaryOfEvent(queues, reference);
  if (!summary) throw new UnknownReferenceError(reference);
  return statusOfSummary(reference, summary);
}

async function statusOfJob(
  queues: ClientQueues,
  job: Job<unknown>,
  reference: string,
): Promise<BatchStatus> {
  const state = stateOf(job);
  const request = requestOf(job, reference);
  const summary = decidedSummaryOf(job, reference);
  const uploads = await Promise.all(
    (state?.uploads ?? []).map((upload) => statusOfUpload(queues, upload)),
  );
  const nextPollAt = earliestPoll(uploads);
  const { tenant = null, priority = DEFAULT_PRIORITY } = request ?? {};
  const whose = { tenant, priority: request && priority };
  if (summary) return { ...statusOfSummary(reference, summary), ...whose, uploads, nextPollAt };
  const { timestamp } = job;
  const [line, facts, cancelRequested] = await Promise.all([
    linePlaceOf(queues, { jobId: batchJobId(reference), timestamp }, state),
    readDeadlineFacts(queues, [reference]),
    requestedCancelOf(queues, reference, job),
  ]);
  const deadline = deadlineOf(facts, { reference, timestamp, state, line });
  const total = request?.documents.length ?? 0;
  return {
    reference,
    state: line ? 'in-line' : stateUnended(state),
    productType: request?.productType ?? null,
    ...whose,
    documents: countDocuments(total, state, uploads),
    uploads,
    polls: sumOfPolls(uploads),
    nextPollAt,
    submittedAt: submittedAtOf(state),
    line,
    deadline,
    ...(cancelRequested && { cancelRequested }),
    lastError: state?.errorStreak?.reason ?? null,
    summary: null,
  };
}

function statusOfSummary(reference: string, summary: BatchSummary): BatchStatus {
  const { status, productType, documents, polls } = summary;
  return {
    reference,
    state: status,
    productType,
    tenant: null,
    priority: null,
    documents: { total: documents.total, sent: documents.sent, present: documents.present },
    uploads: [],
    polls,
    nextPollAt: null,
    submittedAt: summary.submittedAt,
    line: null,
    deadline: null,
    lastError: null,
    summary,
  };
}

/** What a list shows of a batch. */
export interface ListedStatus
  extends Pick<
    BatchStatus,
    | 'reference'
    | 'state'
    | 'productType'
    | 'documents'
    | 'uploads'
    | 'nextPollAt'
    | 'submittedAt'
    | 'line'
    | 'deadline'
    | 'lastError'
  > {
  summary: Pick<BatchSummary, 'reason'> | null;
}

/** The same as {@link readBatchStatus} says, without the documents of the request and the summary. */
export async function listedStatus(
  queues: ClientQueues,
  job: {
    jobId: string;
    timestamp: number;
    reference: string;
    state: BatchState | null;
    hasEnded: boolean;
    productType: string | null;
    total: number;
    deadlines: DeadlineFacts;
  },
): Promise<ListedStatus> {
  const { reference, state, hasEnded, productType, total, timestamp, deadlines } = job;
  const uploads = await Promise.all(
    (state?.uploads ?? []).map((upload) => statusOfUpload(queues, upload)),
  );
  const line = hasEnded ? null : await linePlaceOf(queues, job, state);
  const deadline = hasEnded ? null : deadlineOf(deadlines, { reference, timestamp, state, line });
  const { status = 'failed', reason = ENDED_BY_HAND } = state?.outcome ?? {};
  return {
    reference,
    state: hasEnded ? status : line ? 'in-line' : stateUnended(state),
    productType,
    documents: countDocuments(total, state, uploads),
    uploads,
    nextPollAt: earliestPoll(uploads),
    submittedAt: submittedAtOf(state),
    line,
    deadline,
    lastError: hasEnded ? null : (state?.errorStreak?.reason ?? null),
    summary: hasEnded ? (status === 'failed' ? { reason } : {}) : null,
  };
}

function submittedAtOf(state: BatchState | null): string | null {
  return state?.submittedAt === undefined ? null : new Date(state.submittedAt).toISOString();
}

function earliestPoll(uploads: readonly UploadStatus[]): string | null {
  return uploads.flatMap(({ nextPollAt }) => nextPollAt ?? []).sort()[0] ?? null;
}

function countDocuments(
  total: number,
  state: BatchState | null,
  uploads: readonly UploadStatus[],
): BatchStatus['documents'] {
  if (state === null) return { total, sent: 0, present: 0 };
  return { total, sent: state.documentsSent ?? 0, present: countPresent(total, state, uploads) };
}

/** Documents present in uploads that ended, and those that the polls of the others have found. */
function countPresent(total: number, state: BatchState, uploads: readonly UploadStatus[]): number {
  const settled = total - missingDocuments(total, state).length;
  const present = state.uploads.reduce((sum, upload, i) => {
    const more = (uploads[i]?.documents.present ?? 0) - (resultOf(upload)?.present ?? 0);
    return sum + Math.max(0, more);
  }, settled);
  return Math.min(total, present);
}

/** Uploads that share an Atlas batch share its poll job. */
function sumOfPolls(uploads: readonly UploadStatus[]): number {
  const polls = new Map(uploads.map(({ atlasBatchId, polls }) => [atlasBatchId, polls]));
  return [...polls.values()].reduce((sum, count) => sum + count, 0);
}
