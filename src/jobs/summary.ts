/** The completion event and the summary: what the caller is told at the end of a batch. */
import type { z } from 'zod';
import { atlasBatchIdOf, type BatchState, resultOf } from './batch-state.js';
import { fromRanges } from './index-ranges.js';
import type { BatchRequest } from './request.js';
import type { summarySchema } from './schemas.js';

/**
 * Return value of a finished `batch` job and data of `batch.completed`; with `status: 'failed'`
 * and a `reason` the data of `batch.failed`. What does not exist is `null` or `[]`.
 */
export type BatchSummary = z.infer<typeof summarySchema>;

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
 * @param uriOf `s3://` URI of the results of an Atlas batch.
 */
export function summarize(
  request: BatchRequest,
  state: EndedBatchState,
  uriOf: (atlasBatchId: string) => string,
): BatchSummary {
  const { outcome } = state;
  const missing = missingDocuments(request.documents.length, state);
  const known = state.uploads.flatMap((upload) => {
    const atlasBatchId = atlasBatchIdOf(upload);
    return atlasBatchId === null ? [] : { atlasBatchId, result: resultOf(upload) };
  });
  const batchIds = known.map(({ atlasBatchId }) => atlasBatchId);
  const stored = known.flatMap(({ atlasBatchId, result }) =>
    result?.stored ? uriOf(atlasBatchId) : [],
  );
  const polls = new Map(
    known.map(({ atlasBatchId, result }) => [atlasBatchId, result?.polls ?? 0]),
  );
  return {
    reference: request.reference,
    status: outcome.status,
    ...(outcome.reason && { reason: outcome.reason }),
    productType: request.productType,
    batchIds: [...new Set(batchIds)],
    documents: {
      total: request.documents.length,
      present: request.documents.length - missing.length,
      missing: missing.flatMap((index) => request.documents[index]?.documentId ?? []),
    },
    results: [...new Set(stored)],
    submittedAt: state.submittedAt === undefined ? null : isoTime(state.submittedAt),
    completedAt: isoTime(outcome.endedAt),
    polls: [...polls.values()].reduce((sum, count) => sum + count, 0),
  };
}

/** The summary of a job that is no valid batch: only what is surely right is repeated. */
export function summarizeInvalid(
  data: unknown,
  state: EndedBatchState,
  reference: string | null,
): BatchSummary {
  const { documents } = (data ?? {}) as { documents?: unknown };
  return {
    reference,
    status: 'failed',
    ...(state.outcome.reason && { reason: state.outcome.reason }),
    productType: null,
    batchIds: [],
    documents: { total: Array.isArray(documents) ? documents.length : 0, present: 0, missing: [] },
    results: [],
    submittedAt: null,
    completedAt: isoTime(state.outcome.endedAt),
    polls: 0,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
