/** Reads what the page of one batch shows. */
import type { ClientQueues } from '../../../batches/client-queues.js';
import { stateOf } from '../../../batches/find-summary.js';
import { type BatchStatus, readBatchStatus } from '../../../batches/status.js';
import {
  readWebhookDeliveries,
  type WebhookDelivery,
} from '../../../batches/webhook-deliveries.js';
import { UnknownReferenceError } from '../../../errors.js';
import { type BatchState, resultOf } from '../../../jobs/batch-state.js';
import { batchJobId } from '../../../jobs/ids.js';
import { fromRanges } from '../../../jobs/index-ranges.js';
import { readTimeline, type Timeline } from './timeline.js';

/** Documents on one page of their list. */
export const DOCUMENTS_PER_PAGE = 50;

/** `awaited`: at Atlas, without an extract yet. `unsent`: not at Atlas. */
export type DocumentState = 'present' | 'missing' | 'awaited' | 'unsent';

export interface DocumentLine {
  documentId: string;
  /** `s3://…`, as in the request. */
  location: string;
  state: DocumentState;
}

export interface BatchView {
  status: BatchStatus;
  /** Null when the job is no longer kept, and the status comes from its completion event. */
  addedAt: number | null;
  endedAt: number | null;
  timeline: Timeline;
  webhooks: WebhookDelivery[];
  documents: { lines: DocumentLine[]; total: number; page: number };
}

/** Returns null when nothing is kept under this reference. */
export async function readBatch(
  queues: ClientQueues,
  reference: string,
  page: number,
): Promise<BatchView | null> {
  const status = await statusOrNull(queues, reference);
  if (!status) return null;
  const [job, timeline, webhooks] = await Promise.all([
    queues.batches.getJob(batchJobId(reference)),
    readTimeline(queues, status),
    readWebhookDeliveries(queues, reference),
  ]);
  const { documents } = Object(job?.data);
  const all: unknown[] = Array.isArray(documents) ? documents : [];
  const from = (page - 1) * DOCUMENTS_PER_PAGE;
  const states = documentStates(all.length, (job && stateOf(job)) ?? null);
  return {
    status,
    addedAt: job?.timestamp ?? null,
    endedAt: job?.finishedOn ?? null,
    timeline,
    webhooks,
    documents: {
      total: all.length,
      page,
      lines: all.slice(from, from + DOCUMENTS_PER_PAGE).map((document, i) => {
        const { documentId, bucket, key } = Object(document);
        const location = `s3://${bucket}/${key}`;
        return { documentId: String(documentId), location, state: states[from + i] ?? 'unsent' };
      }),
    },
  };
}

/** Returns null when the batch was removed while it was read. */
async function statusOrNull(queues: ClientQueues, reference: string): Promise<BatchStatus | null> {
  try {
    return await readBatchStatus(queues, reference);
  } catch (error) {
    if (error instanceof UnknownReferenceError) return null;
    throw error;
  }
}

/** The state of each document, from the latest upload that holds it. */
function documentStates(total: number, state: BatchState | null): DocumentState[] {
  const states: DocumentState[] = Array.from({ length: total }, () => 'unsent');
  for (const upload of state?.uploads ?? []) {
    const result = resultOf(upload);
    const missing = new Set(fromRanges(result?.missing ?? ''));
    for (const index of fromRanges(upload.documentIndexes)) {
      if (states[index] === 'present') continue;
      if (result && !missing.has(index)) states[index] = 'present';
      else if (upload.state === 'sent') states[index] = 'awaited';
      else if (result) states[index] = 'missing';
    }
  }
  return states;
}
