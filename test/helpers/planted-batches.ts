/** Batches as producers and workers leave them in Redis, without running any of it. */
import type { ClientQueues } from '../../src/batches/client-queues.js';
import type { ReasonCode } from '../../src/errors.js';
import { batchJobId } from '../../src/jobs/ids.js';
import { begunKey, startedKey } from '../../src/jobs/keys/redis-keys.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { type BatchState, newBatchState, type Upload } from '../../src/jobs/state/batch-state.js';
import { factsOf, type ListedState } from '../../src/jobs/state/listed-facts.js';

export interface PlantedBatch extends Partial<BatchRequest> {
  reference: string;
  state?: ListedState;
  /** Of a failed one. */
  code?: ReasonCode;
  addedAt?: number;
  /** When its first upload was sent; without it, none was. */
  submittedAt?: number;
  endedAt?: number;
  /** Documents that have come, of an upload that Atlas has. */
  present?: number;
  /** All of them, where one is not enough. */
  uploads?: Upload[];
  /** Why it failed. */
  message?: string;
}

/** A queue of BullMQ, or a list, in which a batch of that state lies. */
const SETS: Record<ListedState, string> = {
  queued: 'wait',
  // It sleeps over an error: only a few are active at once.
  submitting: 'delayed',
  'in-line': 'delayed',
  processing: 'waiting-children',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
};

const BATCHES_PER_TRIP = 500;

export async function plant(
  { batches, prefix, link }: ClientQueues,
  planted: readonly PlantedBatch[],
): Promise<void> {
  for (let from = 0; from < planted.length; from += BATCHES_PER_TRIP) {
    const pipeline = link.redis.pipeline();
    for (const batch of planted.slice(from, from + BATCHES_PER_TRIP)) {
      const {
        state = 'queued',
        code,
        addedAt = 1,
        submittedAt: _submittedAt,
        endedAt = addedAt + 1,
        present,
        uploads: _uploads,
        message,
        ...rest
      } = batch;
      const request = { ...requestOf(batch.reference), ...rest };
      const id = batchJobId(batch.reference);
      const hasEnded = state === 'completed' || state === 'failed' || state === 'cancelled';
      pipeline.hset(batches.toKey(id), {
        ...{ name: 'batch', data: JSON.stringify(request), opts: '{}', timestamp: addedAt },
        ...{ delay: 0, priority: 0, atm: state === 'queued' ? 0 : 1, stc: 0 },
      });
      if (state === 'queued') pipeline.lpush(batches.toKey('wait'), id);
      else pipeline.zadd(batches.toKey(SETS[state]), hasEnded ? endedAt : addedAt, id);
      if (state === 'queued') continue;
      const saved = stateOf(request, batch);
      pipeline.hset(batches.toKey(id), {
        ...{
          progress: JSON.stringify(saved),
          facts: factsOf(request, saved),
          processedOn: addedAt,
        },
        ...(hasEnded && { finishedOn: endedAt }),
        ...(saved.outcome?.reason && { failedReason: `${code}: ${message ?? 'planted'}` }),
      });
      if (!hasEnded) pipeline.zadd(begunKey(prefix), addedAt, id);
      if (state === 'submitting' || state === 'processing') {
        pipeline.zadd(startedKey(prefix), saved.startedAt, id);
      }
    }
    await pipeline.exec();
  }
}

function stateOf(request: BatchRequest, batch: PlantedBatch): BatchState {
  const { state, addedAt = 1, endedAt = addedAt + 1, present } = batch;
  const code = state === 'cancelled' ? 'CANCELLED' : (batch.code ?? 'INCOMPLETE');
  const base: BatchState = { ...newBatchState(0, addedAt), round: 1 };
  const total = request.documents.length;
  if (present !== undefined || state === 'processing' || state === 'completed')
    base.uploads = [uploadOf(batch, total, state === 'completed' ? total : (present ?? 0))];
  if (batch.uploads) base.uploads = batch.uploads;
  if (batch.submittedAt !== undefined) base.submittedAt = batch.submittedAt;
  if (state === 'in-line') base.inLineSince = addedAt;
  if (state !== 'completed' && state !== 'failed' && state !== 'cancelled') return base;
  return {
    ...base,
    outcome: {
      status: state === 'completed' ? 'completed' : 'failed',
      ...(state !== 'completed' && { reason: { code, message: batch.message ?? 'planted' } }),
      ...{ eventId: `done-${batch.reference}@1`, eventJobId: `done-${batch.reference}` },
      ...{ attemptsMade: 0, endedAt, resultsRoot: 's3://results/', announced: true },
    },
  };
}

function uploadOf(
  { reference, state, addedAt = 1 }: PlantedBatch,
  total: number,
  present: number,
): Upload {
  const common = {
    ...{ round: 1, documentIndexes: `0-${total - 1}`, scoped: false, resubmissions: 0 },
    ...{ atlasBatchId: `BATCH-${reference}`, sentAt: addedAt, expectedPollRuns: 0 },
  };
  if (state === 'processing') return { ...common, state: 'sent', result: null };
  const missing = present === total ? '' : `${present}-${total - 1}`;
  const status = present === total ? ('complete' as const) : ('incomplete' as const);
  const counts = { present, unexpected: 0, unreadable: 0, polls: 1 };
  const result = { status, missing, ...counts, stored: true, endedAt: addedAt };
  return { ...common, state: 'ended', result };
}

function requestOf(reference: string): BatchRequest {
  const documents = [0, 1].map((i) => ({
    ...{ documentId: `doc-${i}`, bucket: 'kyc-documents', key: `${reference}/${i}.jpg` },
  }));
  return { reference, productType: 'LOAN_APP', documents };
}
