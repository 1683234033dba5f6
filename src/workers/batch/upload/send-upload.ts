/** One upload on its way to Atlas: saved as `sending`, sent, and saved as what came of it. */
import { randomUUID } from 'node:crypto';
import { RefusalError, ResponseError } from '../../../atlas/responses/response-errors.js';
import { LockLostError, TransientError } from '../../../errors.js';
import { fromRanges } from '../../../jobs/index-ranges.js';
import { gatePauseKey } from '../../../jobs/keys/gate-keys.js';
import type { PlannedUpload } from '../../../jobs/state/batch-state.js';
import { unlessAborted, withEither } from '../../../timeouts.js';
import { StoppingError } from '../../runtime/run-step.js';
import { flagKeys, toFlags } from '../../runtime/signals.js';
import { type BatchContext, isDoomed, mayResubmit } from '../batch-context.js';
import { expectOwnRole } from '../check-documents.js';
import { stepUpload } from '../transitions.js';
import { receiptOf, saveResult } from './save-result.js';
import type { SendResult } from './upload-transitions.js';

/** Nothing was sent, because the batch was cancelled meanwhile, sending was paused, or the day of its quota is over. */
class NotWantedError extends Error {}

/**
 * Sends the upload. It is `sending` only while bytes may be on their way: circuit, token and budget
 * have let it through before, and a response that it was not taken makes it `planned` again at once.
 * @throws TransientError: it is `planned`, or unknown and sent again later; LockLostError;
 *   StoppingError.
 */
export async function sendUpload(
  entry: BatchContext,
  index: number,
  upload: PlannedUpload,
): Promise<void> {
  const { context, request, signal } = entry;
  const { reference, productType } = request;
  const files = await signedFiles(entry, upload);
  const journal = {
    sending: () => saveSending(entry, index),
    notTaken: () => settle(entry, index, { kind: 'not-taken' }),
  };
  try {
    const { atlasBatchId } = await withEither([signal, context.stopping], (either) =>
      context.atlas.upload({ reference, productType, files, journal }, either),
    );
    const sentAt = context.clock.now();
    await settle(entry, index, { kind: 'accepted', atlasBatchId, sentAt });
  } catch (error) {
    if (error instanceof NotWantedError) return;
    if (error instanceof LockLostError || error instanceof StoppingError) throw error;
    // Nothing was on its way, or it was surely not taken.
    if (entry.state.uploads[index]?.state !== 'sending') throw error;
    const result = resultOfError(entry, upload, error);
    await settle(entry, index, result);
    if (result.kind === 'unknown' && !isDoomed(entry)) throw error;
  }
}

async function signedFiles(
  entry: BatchContext,
  { documentIndexes, scoped }: PlannedUpload,
): Promise<{ file_url: string; document_id: string }[]> {
  const { context, request, signal } = entry;
  const indexes = fromRanges(documentIndexes);
  await expectOwnRole(entry, indexes);
  const documents = indexes.map((index) => {
    const document = request.documents[index];
    if (!document) throw new Error(`the batch has no document ${index}`);
    return document;
  });
  const presigning = context.store.presign(documents, signal);
  const urls = await unlessAborted(presigning, context.stopping);
  // The documents may have been checked by a worker that asks another S3.
  await context.storesRead.expectOurs('STORAGE');
  const scope = scoped ? `${request.reference}/` : '';
  return urls.map((url, position) => ({
    file_url: url,
    document_id: `${scope}${documents[position]?.documentId}`,
  }));
}

/**
 * The last thing before the request. When it fails, the upload is `planned` again, or a receipt says
 * so: a save whose reply was lost may have been made.
 * @throws NotWantedError, StoppingError, LockLostError, TransientError: nothing may be sent.
 */
async function saveSending(entry: BatchContext, index: number): Promise<void> {
  const { context, lease, request, job, admission } = entry;
  if (admission && !context.gate.isCurrent(admission.day)) throw new NotWantedError();
  const nonce = randomUUID();
  const startedAt = context.clock.now();
  const step = { kind: 'send', nonce, sender: context.heartbeat.id, startedAt } as const;
  entry.state = stepUpload(entry.state, index, step);
  const upload = entry.state.uploads[index];
  if (upload?.state !== 'sending') return;
  const notSent = receiptOf(entry, upload, { kind: 'not-taken' });
  const flags = flagKeys(context, request.reference);
  const read = [...flags, gatePauseKey(context.config.QUEUE_PREFIX)];
  context.sentUploads.begin(nonce, request.reference);
  const reply = await lease
    .saveOrLeave(entry.state, notSent, { renew: true, read })
    .catch(async (cause) => {
      await saveResult(entry, index, { kind: 'not-taken' });
      const message = 'Redis did not take that an upload was to be sent, so it was not sent';
      throw new TransientError('INTERNAL', message, { cause });
    });
  if (typeof reply === 'string') {
    context.sentUploads.forget(nonce);
    throw new LockLostError(lease.jobId);
  }
  if (toFlags(reply.saved, job.timestamp).cancelled !== null) {
    await saveResult(entry, index, { kind: 'cancelled' });
    throw new NotWantedError();
  }
  const [pause = null] = reply.saved.slice(flags.length);
  if (pause !== null) {
    context.gate.isPaused = true;
    await saveResult(entry, index, { kind: 'not-taken' });
    throw new NotWantedError();
  }
  await confirmSending(entry, index, nonce);
  context.sentUploads.goOut(nonce);
}

/** Nothing is sent whose `sending` a failover could lose, where that is wanted. */
async function confirmSending(entry: BatchContext, index: number, nonce: string): Promise<void> {
  const { replica, stopping } = entry.context;
  if (replica === null) return;
  try {
    await unlessAborted(replica.confirm({ ...entry.lease.held, nonce }), stopping);
  } catch (error) {
    await saveResult(entry, index, { kind: 'not-taken' });
    throw error;
  }
}

/** Tells of a response at once, and saves it. */
async function settle(entry: BatchContext, index: number, result: SendResult): Promise<void> {
  const { metrics, logger, lines } = entry.context;
  const { reference } = entry.request;
  metrics.uploads.inc({ result: result.kind === 'accepted' ? 'sent' : result.kind });
  const documents = entry.state.uploads[index]?.documentIndexes ?? '';
  const documentCount = fromRanges(documents).length;
  if (result.kind === 'accepted') {
    const { atlasBatchId } = result;
    const message = `upload of ${reference} sent as ${atlasBatchId}`;
    logger.info({ reference, atlasBatchId, documentCount }, message);
  } else {
    const fields = { reference, documents, documentCount, result: result.kind };
    const message = `Atlas's response to an upload of ${reference}: ${result.kind}`;
    // What Atlas does not have comes with each try of an outage; everything else is said at once.
    if (result.kind === 'not-taken')
      lines.add({ level: 'info', kind: result.kind, fields, message });
    else logger.info(fields, message);
  }
  await saveResult(entry, index, result);
}

function resultOfError(entry: BatchContext, upload: PlannedUpload, error: unknown): SendResult {
  if (error instanceof RefusalError) {
    const { reason, row } = error;
    if (!row.halve) return { kind: 'refused', reason, conflict: row.conflict === true };
    const [index = 0] = fromRanges(upload.documentIndexes);
    const message = `${reason.message}: ${entry.request.documents[index]?.documentId} is too large alone`;
    return { kind: 'too-large', reason: { ...reason, message } };
  }
  const why = error instanceof TransientError ? error.message : 'an unforeseen error';
  const answered = error instanceof ResponseError && error.row.onceMore === true;
  return { kind: 'unknown', why, resubmit: mayResubmit(entry), answered };
}
