/** How a batch ended: read from its job or, when the job is no longer kept, from its event. */
import type { Job } from 'bullmq';
import type { Reason } from '../errors.js';
import { eventJobId, nthEventJobId } from '../jobs/ids.js';
import { type BatchRequest, checkBatchRequest } from '../jobs/request/request.js';
import { type BatchState, readState } from '../jobs/state/batch-state.js';
import { type BatchSummary, summarize, summarizeInvalid } from '../jobs/summary.js';
import { resultUri } from '../storage/results/results-key.js';
import type { ClientQueues } from './client-queues.js';

/** How many events of one reference are read to find the latest. Retries are few. */
const EVENTS_READ = 8;

/** The state that the worker has saved; null before its first save. */
export function stateOf(job: Job<unknown>): BatchState | null {
  const stored = readState<BatchState>(job.progress);
  return stored.kind === 'known' ? stored.state : null;
}

/** The job's data when it is a valid request for this reference. */
export function requestOf(job: Job<unknown>, reference: string): BatchRequest | null {
  const check = checkBatchRequest(job.data);
  return check.valid && check.request.reference === reference ? check.request : null;
}

/** The summary of an ended batch; null before its end. */
export function summaryOf(job: Job<unknown>, reference: string): BatchSummary | null {
  if (job.finishedOn === undefined) return null;
  return summaryOfOutcome(job, reference) ?? endedByHand(job, reference);
}

/**
 * The summary as soon as the outcome is saved, which is final; null before. The event goes out before
 * BullMQ finishes the job, so whoever handles the event may ask while the job is still active.
 */
export function decidedSummaryOf(job: Job<unknown>, reference: string): BatchSummary | null {
  if (job.finishedOn !== undefined) return summaryOf(job, reference);
  const outcome = stateOf(job)?.outcome;
  // After a retry the outcome of the earlier run stays until a worker takes the job.
  const isOfThisRun = outcome !== undefined && job.attemptsMade <= outcome.attemptsMade;
  return isOfThisRun ? summaryOfOutcome(job, reference) : null;
}

function summaryOfOutcome(job: Job<unknown>, reference: string): BatchSummary | null {
  const state = stateOf(job);
  const outcome = state?.outcome;
  if (!state || !outcome) return null;
  const request = requestOf(job, reference);
  return request
    ? summarize(request, { ...state, outcome }, (atlasBatchId, root = outcome.resultsRoot) =>
        resultUri(root, reference, atlasBatchId),
      )
    : summarizeInvalid(job.data, { ...state, outcome }, reference);
}

export const ENDED_BY_HAND: Reason = {
  code: 'INTERNAL',
  message: 'the job was ended by hand, without an outcome',
};

/** Somebody ended the job by other means than ours, so that it has no outcome. */
function endedByHand(job: Job<unknown>, reference: string): BatchSummary {
  const request = requestOf(job, reference);
  const documents = request?.documents ?? [];
  return {
    eventId: null,
    reference,
    status: 'failed',
    reason: ENDED_BY_HAND,
    productType: request?.productType ?? null,
    batchIds: [],
    documents: {
      total: documents.length,
      sent: stateOf(job)?.documentsSent ?? 0,
      present: 0,
      missing: documents.map(({ documentId }) => documentId),
    },
    results: [],
    submittedAt: null,
    completedAt: new Date(job.finishedOn ?? job.timestamp).toISOString(),
    ...(request?.metadata && { metadata: request.metadata }),
    polls: 0,
  };
}

/**
 * The jobs of the events of a batch, in their order: the latest, where its job says how many there were, and else
 * the first.
 */
export function eventJobIdsOf(reference: string, job: Job<unknown> | null | undefined): string[] {
  const last = Math.max(EVENTS_READ, (job && stateOf(job)?.outcomes) ?? 0);
  const first = eventJobId(reference);
  return Array.from({ length: EVENTS_READ }, (_, i) =>
    nthEventJobId(first, last - EVENTS_READ + 1 + i),
  );
}

/** The summary in the latest completion event that is kept; null when there is none. */
export async function summaryOfEvent(
  { completions }: ClientQueues,
  reference: string,
): Promise<BatchSummary | null> {
  const ids = eventJobIdsOf(reference, null);
  const jobs = await Promise.all(ids.map((id) => completions.getJob(id)));
  const [latest] = jobs
    .flatMap((job) => job?.data ?? [])
    .sort((a, b) => b.completedAt.localeCompare(a.completedAt));
  return latest ?? null;
}
