/**
 * Saves what came of an attempt to send, so that it is never thrown away.
 *
 * While the job's lock is ours, it goes into the state. A lock can be lost meanwhile: Redis may stall
 * longer than it lasts. Then the same script writes a receipt, and whoever has the job goes on from
 * that. A Redis that is full takes both, where it can be told to. When Redis refuses both, they are
 * tried again for as long as the process lives.
 */
import { LockLostError } from '../../../errors.js';
import { fromRanges } from '../../../jobs/index-ranges.js';
import { documentsSentKey } from '../../../jobs/keys/gate-keys.js';
import { receiptKey } from '../../../jobs/keys/redis-keys.js';
import type { SendingUpload, Upload } from '../../../jobs/state/batch-state.js';
import type { Receipt, Tally } from '../../runtime/moves/save-script.js';
import { addPollJob } from '../add-poll-job.js';
import type { BatchContext } from '../batch-context.js';
import { stepUpload } from '../transitions.js';
import {
  holderOf,
  MAX_RESUBMISSIONS,
  mayHaveArrived,
  type SendResult,
  sendReasonOf,
} from './upload-transitions.js';

/** The receipt of a result, under the key that whoever finds the upload reads. */
export function receiptOf(
  { context, request }: BatchContext,
  { nonce }: SendingUpload,
  result: SendResult,
): Receipt {
  const { QUEUE_PREFIX, KEEP_FAILED_SECONDS } = context.config;
  return {
    key: receiptKey(QUEUE_PREFIX, request.reference, nonce),
    nonce,
    value: JSON.stringify(result),
    ttlMs: KEEP_FAILED_SECONDS * 1000,
  };
}

/**
 * Saves the result of an attempt of this worker, and does what follows.
 * @throws LockLostError when another worker has the batch; an error of Redis once the worker has ended.
 */
export async function saveResult(
  entry: BatchContext,
  index: number,
  result: SendResult,
): Promise<void> {
  const { context, lease, request } = entry;
  const { reference } = request;
  const upload = sendingUpload(entry, index);
  const receipt = receiptOf(entry, upload, result);
  const tally = tallyOf(entry, upload, result);
  const follow = stepTo(entry, index, result);
  const atlasBatchId = result.kind === 'accepted' ? result.atlasBatchId : null;
  const reply = await context.sentUploads.write(upload.nonce, { reference, result }, () =>
    // The state of now: other uploads of the batch may have gone on since the last try.
    lease.saveOrLeave(entry.state, receipt, {
      tally,
      whenFull: true,
    }),
  );
  if (typeof reply === 'object') return follow();
  if (reply === 'left') {
    context.metrics.receipts.inc();
    context.lines.add({
      level: 'warn',
      kind: 'a receipt',
      fields: { reference, atlasBatchId, result: result.kind },
      message: `another worker has ${reference}; it finds what Atlas answered in a receipt`,
    });
  } else if (atlasBatchId !== null) reportOrphan(entry, atlasBatchId);
  throw new LockLostError(lease.jobId);
}

/** Saves what a receipt says of an upload that another entry of the job sent. The receipt goes with it. */
export async function saveReceipt(
  entry: BatchContext,
  index: number,
  { key, result }: { key: string; result: SendResult },
): Promise<void> {
  const tally = tallyOf(entry, sendingUpload(entry, index), result);
  const follow = stepTo(entry, index, result);
  await entry.lease.save(entry.state, '', { spent: key, tally });
  follow();
}

/**
 * Saves what follows when there is no receipt.
 * @returns whether it was saved: not when one has come meanwhile.
 */
export async function saveAbsence(
  entry: BatchContext,
  index: number,
  result: SendResult,
): Promise<boolean> {
  const before = entry.state;
  const upload = sendingUpload(entry, index);
  const { key } = receiptOf(entry, upload, result);
  const tally = tallyOf(entry, upload, result);
  const follow = stepTo(entry, index, result, false);
  const line = lineOf(entry, index, result);
  if (await entry.lease.saveIfAbsent([key], entry.state, line, { tally })) {
    follow();
    return true;
  }
  entry.state = before;
  return false;
}

/** Changes the state; what is returned is to be called when that is saved. */
function stepTo(entry: BatchContext, index: number, result: SendResult, noted = true): () => void {
  const sent = entry.state.uploads[index];
  const holder =
    result.kind === 'accepted' ? holderOf(entry.state.uploads, result.atlasBatchId) : undefined;
  entry.state = stepUpload(entry.state, index, result);
  if (noted) entry.lease.note(lineOf(entry, index, result));
  return () => {
    const upload = entry.state.uploads[index];
    if (sent && mayHaveArrived(result)) countSent(entry, sent);
    if (result.kind === 'unknown') reportUnknown(entry, upload, result.why);
    if (upload?.state === 'sent' && !holder) void addPollJob(entry, index, upload);
  };
}

/** Its documents count on the day on which it was to go out, as the quota has it. */
function tallyOf(
  { context }: BatchContext,
  { nonce, startedAt, documentIndexes }: SendingUpload,
  result: SendResult,
): Tally | undefined {
  if (!mayHaveArrived(result)) return undefined;
  const key = documentsSentKey(context.config.QUEUE_PREFIX);
  const day = context.gate.calendar.dayOf(startedAt);
  return { key, day, by: fromRanges(documentIndexes).length, nonce };
}

function countSent({ context }: BatchContext, upload: Upload): void {
  const count = fromRanges(upload.documentIndexes).length;
  context.metrics.documentsSent.inc({ reason: sendReasonOf(upload) }, count);
}

function sendingUpload({ state }: BatchContext, index: number): SendingUpload {
  const upload = state.uploads[index];
  if (upload?.state !== 'sending') throw new Error(`upload ${index} is not being sent`);
  return upload;
}

/** For the job's log; empty where nothing came of it. */
function lineOf({ state }: BatchContext, index: number, result: SendResult): string {
  const upload = state.uploads[index];
  const documents = `documents[${upload?.documentIndexes}]`;
  switch (result.kind) {
    case 'accepted':
      return `sent ${documents} as ${result.atlasBatchId}`;
    case 'refused':
      return `${documents} refused: ${result.reason.message}`;
    case 'too-large':
      return upload?.state === 'planned'
        ? `too large for Atlas; sent in halves, of which the first is ${documents}`
        : `${documents} refused: ${result.reason.message}`;
    case 'unknown':
      return `unknown whether Atlas took ${documents}: ${result.why}; ${whatNext(upload)}`;
    default:
      return '';
  }
}

function whatNext(upload: Upload | undefined): string {
  return upload?.state === 'planned'
    ? `sending again, ${upload.resubmissions} of ${MAX_RESUBMISSIONS}`
    : 'not sent again';
}

function reportUnknown(
  { context, request: { reference } }: BatchContext,
  upload: Upload | undefined,
  why: string,
): void {
  const again = upload?.state === 'planned';
  context.metrics.unknownUploads.inc();
  context.logger.warn(
    { reference, resubmissions: upload?.resubmissions, again },
    `an upload of ${reference} is unknown: ${why}; ${whatNext(upload)}`,
  );
}

function reportOrphan({ context, request }: BatchContext, atlasBatchId: string): void {
  context.metrics.orphanUploads.inc();
  context.logger.warn(
    { reference: request.reference, atlasBatchId },
    `Atlas took ${atlasBatchId} after this worker had lost ${request.reference}; nobody will poll it`,
  );
}
