/** One call of multiupload, and what came of it. */
import { PermanentError, TransientError } from '../../errors.js';
import type { PlannedUpload } from '../../jobs/batch-state.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { rethrowInterruption } from '../runtime/run-step.js';
import { flagKeys, toFlags } from '../runtime/signals.js';
import { type BatchContext, mayResubmit } from './batch-context.js';
import { type SendResult, stepUpload } from './transitions.js';

export interface Sent {
  result: SendResult;
  /** What the sending failed with; the batch sleeps over it. */
  error?: unknown;
}

/**
 * Saves `sending` and sends the upload. From there on a crash leaves an upload of which nobody knows
 * whether Atlas has it.
 * @throws LockLostError; an error of Redis or S3. Nothing was sent then, or the lock is lost.
 */
export async function sendUpload(
  run: BatchContext,
  index: number,
  upload: PlannedUpload,
): Promise<Sent> {
  const { context, request, signal } = run;
  const { productType } = request;
  const files = await signedFiles(run, upload);
  const clearance = saveSending(run, index);
  const sendAfter = clearance.then((stop) => {
    if (stop) throw new Error(`not sent: ${stop.result.kind}`);
  });
  try {
    const { atlasBatchId } = await context.atlas.upload({ productType, files, sendAfter }, signal);
    return { result: { kind: 'accepted', atlasBatchId, sentAt: context.clock.now() } };
  } catch (error) {
    const stop = await clearance;
    if (stop) return stop;
    rethrowInterruption(error, run);
    const result = resultOfError(run, error);
    context.metrics.uploads.inc({ result: result.kind });
    return { result, error };
  }
}

async function signedFiles(
  { context, request }: BatchContext,
  { documentIndexes, scoped }: PlannedUpload,
): Promise<{ file_url: string; document_id: string }[]> {
  const documents = fromRanges(documentIndexes).map((index) => {
    const document = request.documents[index];
    if (!document) throw new Error(`the batch has no document ${index}`);
    return document;
  });
  const urls = await context.store.presign(documents);
  const scope = scoped ? `${request.reference}/` : '';
  return urls.map((url, position) => ({
    file_url: url,
    document_id: `${scope}${documents[position]?.documentId}`,
  }));
}

/** @returns null when the upload may go out, else why nothing is sent. */
async function saveSending(run: BatchContext, index: number): Promise<Sent | null> {
  const { context, lease, request, job } = run;
  run.state = stepUpload(run.state, index, { kind: 'send' });
  const read = flagKeys(context, request.reference);
  const values = await lease.save(run.state, '', { renew: true, read });
  if (toFlags(values, job.timestamp).cancelled !== null) return { result: { kind: 'cancelled' } };
  // This may take of the lock's time. Nothing is sent whose `sending` a failover could lose.
  const timeoutMs = context.config.REPLICA_ACK_TIMEOUT_MS;
  if (timeoutMs === 0) return null;
  if (await lease.reachedReplica(timeoutMs)) {
    await lease.renew();
    return null;
  }
  const message = `no replica of Redis confirmed a write within ${timeoutMs} ms`;
  return { result: { kind: 'not-taken' }, error: new TransientError('INTERNAL', message) };
}

function resultOfError(run: BatchContext, error: unknown): SendResult {
  if (error instanceof PermanentError) return { kind: 'refused', reason: error.reason };
  if (error instanceof TransientError && error.taken === 'not-taken') return { kind: 'not-taken' };
  const why = error instanceof TransientError ? error.message : 'an unforeseen error';
  return { kind: 'unknown', why, resubmit: mayResubmit(run) };
}
