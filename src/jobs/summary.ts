/** The summary of a batch: what the caller gets at its end. */
import type { Reason } from '../errors.js';
import { fromRanges } from './index-ranges.js';
import type { BatchRequest } from './request/request.js';
import { atlasBatchIdOf, type BatchState, resultOf } from './state/batch-state.js';

/** How many of a batch's documents were sent, and have come. */
export interface SummaryDocuments {
  /** Documents in the request. */
  total: number;
  /** Documents that went to Atlas, repeats included: those that it took, and those that it may have taken. */
  sent: number;
  /** Documents of which Atlas sent at least one extract. */
  present: number;
  /** Your ids of the documents that never came, in the order of the request. */
  missing: string[];
}

/**
 * How a batch ended: the return value of a finished `batch` job and the data of a `batch.completed`
 * or `batch.failed` job. Times are ISO 8601 in UTC. What does not exist is `null` or `[]`.
 */
export interface BatchSummary {
  /**
   * Of the completion event, unique for ever: handlers do their work once per id. Null when the job was
   * ended by hand, for then there is no event.
   */
  eventId: string | null;
  /** The reference of the request; null when the job named none that is valid. */
  reference: string | null;
  /** `completed`: every document has come. `failed`: see `reason`. */
  status: 'completed' | 'failed';
  /** Why the batch failed; only when it did. */
  reason?: Reason | undefined;
  /** The product type of the request; null when the job was no valid batch. */
  productType: string | null;
  /** The `batch_id`s that Atlas gave, in the order of the uploads. */
  batchIds: string[];
  /** How many documents have come, and which have not. */
  documents: SummaryDocuments;
  /** `s3://` URIs of the stored results, one per Atlas batch. Keys are as they are, not encoded. */
  results: string[];
  /** When the first upload was sent to Atlas; null when none was. */
  submittedAt: string | null;
  /** When the batch ended. */
  completedAt: string;
  /** As in the request; only when the request had some, and not in the return value of the job. */
  metadata?: Record<string, string> | undefined;
  /** The event is of documents that came after the batch had ended `INCOMPLETE`; only then. */
  late?: true | undefined;
  /** Polls over all uploads; one poll is one attempt to read the extracts of an Atlas batch. */
  polls: number;
}

export interface EndedBatchState extends BatchState {
  outcome: NonNullable<BatchState['outcome']>;
}

/** Indexes of documents that have no extract in any upload that ended. */
export function missingDocuments(total: number, state: BatchState): number[] {
  const missing = new Set(Array.from({ length: total }, (_, index) => index));
  for (const upload of state.uploads) {
    const result = resultOf(upload);
    if (!result) continue;
    const absent = new Set(fromRanges(result.missing));
    for (const index of fromRanges(upload.documentIndexes))
      if (!absent.has(index)) missing.delete(index);
  }
  return [...missing];
}

/**
 * The summary of a batch that ended.
 * @param uriOf `s3://` URI of the results of an Atlas batch; with what it begins, where that is known.
 */
export function summarize(
  request: BatchRequest,
  state: EndedBatchState,
  uriOf: (atlasBatchId: string, root: string | undefined) => string,
): BatchSummary {
  const { outcome } = state;
  const missing = missingDocuments(request.documents.length, state);
  const known = state.uploads.flatMap((upload) => {
    const atlasBatchId = atlasBatchIdOf(upload);
    return atlasBatchId === null ? [] : { atlasBatchId, result: resultOf(upload) };
  });
  const batchIds = known.map(({ atlasBatchId }) => atlasBatchId);
  const stored = known.flatMap(({ atlasBatchId, result }) =>
    result?.stored ? uriOf(atlasBatchId, result.root) : [],
  );
  const polls = new Map(
    known.map(({ atlasBatchId, result }) => [atlasBatchId, result?.polls ?? 0]),
  );
  return {
    eventId: outcome.eventId,
    reference: request.reference,
    status: outcome.status,
    ...(outcome.reason && { reason: outcome.reason }),
    productType: request.productType,
    batchIds: [...new Set(batchIds)],
    documents: {
      total: request.documents.length,
      sent: state.documentsSent ?? 0,
      present: request.documents.length - missing.length,
      missing: missing.flatMap((index) => request.documents[index]?.documentId ?? []),
    },
    results: [...new Set(stored)],
    submittedAt: state.submittedAt === undefined ? null : isoTime(state.submittedAt),
    completedAt: isoTime(outcome.endedAt),
    ...(request.metadata && { metadata: request.metadata }),
    ...(outcome.late && { late: true as const }),
    polls: [...polls.values()].reduce((sum, count) => sum + count, 0),
  };
}

/** The summary of a job that is no valid batch. It repeats nothing of the data but a valid reference. */
export function summarizeInvalid(
  data: unknown,
  state: EndedBatchState,
  reference: string | null,
): BatchSummary {
  const { documents } = Object(data);
  return {
    eventId: state.outcome.eventId,
    reference,
    status: 'failed',
    ...(state.outcome.reason && { reason: state.outcome.reason }),
    productType: null,
    batchIds: [],
    documents: {
      total: Array.isArray(documents) ? documents.length : 0,
      sent: 0,
      present: 0,
      missing: [],
    },
    results: [],
    submittedAt: null,
    completedAt: isoTime(state.outcome.endedAt),
    polls: 0,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
