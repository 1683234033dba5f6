/** Reads the rows of a list of batches. */
import type { ClientQueues } from '../../../batches/client-queues.js';
import { type BatchStatus, readBatchStatus } from '../../../batches/status.js';
import { UnknownReferenceError } from '../../../errors.js';
import { referenceOfBatchJobId } from '../../../jobs/ids.js';

export interface BatchRow {
  jobId: string;
  /** Milliseconds since 1970, by the clock of Redis or of the producer. */
  addedAt: number;
  endedAt: number | null;
  /** Null when the job is no batch of ours. `failedReason` is then all there is. */
  status: BatchStatus | null;
  failedReason: string | null;
}

/** Rows in the order of the ids. Jobs that were removed in the meantime are left out. */
export async function readRows(queues: ClientQueues, ids: readonly string[]): Promise<BatchRow[]> {
  const rows = await Promise.all(ids.map((jobId) => readRow(queues, jobId)));
  return rows.filter((row) => row !== null);
}

async function readRow(queues: ClientQueues, jobId: string): Promise<BatchRow | null> {
  const { batches, link } = queues;
  const [timestamp, finishedOn, failedReason] = await link.redis.hmget(
    batches.toKey(jobId),
    'timestamp',
    'finishedOn',
    'failedReason',
  );
  if (!timestamp) return null;
  const reference = referenceOfBatchJobId(jobId);
  return {
    jobId,
    addedAt: Number(timestamp),
    endedAt: finishedOn ? Number(finishedOn) : null,
    status: reference === null ? null : await statusOrNull(queues, reference),
    failedReason: failedReason ?? null,
  };
}

/** Returns null when the batch was removed while it was read. */
export async function statusOrNull(
  queues: ClientQueues,
  reference: string,
): Promise<BatchStatus | null> {
  try {
    return await readBatchStatus(queues, reference);
  } catch (error) {
    if (error instanceof UnknownReferenceError) return null;
    throw error;
  }
}
