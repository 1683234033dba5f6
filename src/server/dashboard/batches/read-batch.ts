/** Reads what the page of one batch shows. */
import type { ClientQueues } from '../../../batches/client-queues.js';
import {
  readWebhookDeliveries,
  type WebhookDelivery,
} from '../../../batches/events/webhook-deliveries.js';
import { stateOf } from '../../../batches/find-summary.js';
import { type BatchStatus, readBatchStatus } from '../../../batches/status/status.js';
import { readTimeline, type Timeline } from '../../../batches/status/timeline.js';
import { UnknownReferenceError } from '../../../errors.js';
import { batchJobId } from '../../../jobs/ids.js';
import { type DocumentsQuery, type DocumentsView, documentsOf } from './documents.js';

export interface BatchView {
  status: BatchStatus;
  /** Null when the job is no longer kept, and the status comes from its completion event. */
  addedAt: number | null;
  /** Runs that have ended. */
  attemptsMade: number;
  timeline: Timeline;
  webhooks: WebhookDelivery[];
  documents: DocumentsView;
}

/** Returns null when nothing is kept under this reference. */
export async function readBatch(
  queues: ClientQueues,
  reference: string,
  query: DocumentsQuery,
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
  return {
    status,
    addedAt: job?.timestamp ?? null,
    attemptsMade: job?.attemptsMade ?? 0,
    timeline,
    webhooks,
    documents: documentsOf(all, (job && stateOf(job)) ?? null, query),
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
