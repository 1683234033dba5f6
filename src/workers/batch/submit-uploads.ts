/**
 * Sends the planned uploads of a batch. Every step is saved before the next one begins. So the saved
 * state is true after a crash at any line. Only of an upload that is `sending` nobody can know whether
 * Atlas has it.
 */
import { LockLostError } from '../../errors.js';
import { readOwner } from '../../jobs/atlas-batch-owner.js';
import type { PlannedUpload } from '../../jobs/batch-state.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { ownerKey } from '../../jobs/redis-keys.js';
import { addPollJob } from './add-poll-job.js';
import {
  type BatchContext,
  checkpoint,
  flagsOf,
  isPastDeadline,
  mayResubmit,
  uploadsThatAre,
} from './batch-context.js';
import { sendUpload } from './send-upload.js';
import { holderOf, MAX_RESUBMISSIONS, type SendResult, stepUpload } from './transitions.js';

/** Uploads of one batch that are sent at once. They are few, so that others have room too. */
const UPLOADS_IN_PARALLEL = 4;

/**
 * Sends what is planned, until all is sent, one is refused, or the batch is cancelled.
 * @throws TransientError when Atlas or S3 fails: what was not sent stays planned.
 */
export async function submitPlanned(run: BatchContext): Promise<void> {
  const planned = uploadsThatAre(run.state, 'planned');
  if (planned.length === 0) return;
  if (isPastDeadline(run)) return refuseUnsent(run);
  // A batch that is cancelled while it sleeps over an error must not run into it again and again.
  if (run.state.errorStreak && (await flagsOf(run)).cancelled !== null) return;

  // One iterator for all lanes: each takes the next upload when it is free.
  const queue = planned.values();
  let failure: unknown;
  async function lane(): Promise<void> {
    for (const { index, upload } of queue) {
      if (failure !== undefined || isDoomed(run)) return;
      try {
        await submit(run, index, upload);
      } catch (error) {
        failure ??= error;
      }
    }
  }
  const lanes = Math.min(UPLOADS_IN_PARALLEL, planned.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failure !== undefined) throw failure;
}

/** Whether an upload was refused: the batch will fail, and nothing more is sent. */
function isDoomed({ state }: BatchContext): boolean {
  return state.uploads.some((upload) => upload.state === 'refused');
}

/** An upload that is `sending` on entry was left so by a worker that died. */
export async function resolveUnknownUploads(run: BatchContext): Promise<void> {
  const why = 'the worker died before the response of Atlas was saved';
  for (const { index } of uploadsThatAre(run.state, 'sending')) {
    await saveUnknown(run, index, { kind: 'unknown', why, resubmit: mayResubmit(run) });
  }
}

async function submit(run: BatchContext, index: number, upload: PlannedUpload): Promise<void> {
  checkpoint(run);
  const { result, error } = await sendUpload(run, index, upload);
  switch (result.kind) {
    case 'accepted':
      return saveSent(run, index, result);
    case 'unknown':
      await saveUnknown(run, index, result);
      if (!isDoomed(run)) throw error;
      return;
    default: {
      run.state = stepUpload(run.state, index, result);
      const line =
        result.kind === 'refused'
          ? `documents[${upload.documentIndexes}] refused: ${result.reason.message}`
          : '';
      await run.lease.save(run.state, line);
      if (result.kind === 'not-taken') throw error;
    }
  }
}

async function saveSent(
  run: BatchContext,
  index: number,
  result: Extract<SendResult, { kind: 'accepted' }>,
): Promise<void> {
  const { context, lease, request } = run;
  const { reference } = request;
  const { atlasBatchId } = result;
  const holder = holderOf(run.state.uploads, atlasBatchId);
  run.state = stepUpload(run.state, index, result);
  const upload = run.state.uploads[index];
  if (upload?.state !== 'sent') return;
  const read = [ownerKey(context.config.QUEUE_PREFIX, atlasBatchId)];
  const line = `sent documents[${upload.documentIndexes}] as ${atlasBatchId}`;
  const saved = await lease.save(run.state, line, { read }).catch((error) => {
    if (error instanceof LockLostError) reportOrphan(run, atlasBatchId);
    throw error;
  });
  context.metrics.uploads.inc({ result: 'sent' });
  context.logger.info(
    { reference, atlasBatchId, documentCount: fromRanges(upload.documentIndexes).length },
    `upload of ${reference} sent as ${atlasBatchId}`,
  );
  if (!holder) void addPollJob(run, index, upload, readOwner(saved[0] ?? null));
}

async function saveUnknown(
  run: BatchContext,
  index: number,
  result: Extract<SendResult, { kind: 'unknown' }>,
): Promise<void> {
  const { context, lease, request } = run;
  const { why } = result;
  run.state = stepUpload(run.state, index, result);
  const upload = run.state.uploads[index];
  if (!upload) return;
  const { documentIndexes, resubmissions } = upload;
  const again = upload.state === 'planned';
  const next = again ? `sending again, ${resubmissions} of ${MAX_RESUBMISSIONS}` : 'not sent again';
  await lease.save(
    run.state,
    `unknown whether Atlas took documents[${documentIndexes}]: ${why}; ${next}`,
  );
  context.metrics.unknownUploads.inc();
  context.logger.warn(
    { reference: request.reference, resubmissions, again },
    `an upload of ${request.reference} is unknown: ${why}; ${next}`,
  );
}

function reportOrphan({ context, request }: BatchContext, atlasBatchId: string): void {
  context.metrics.orphanUploads.inc();
  context.logger.warn(
    { reference: request.reference, atlasBatchId },
    `Atlas took ${atlasBatchId} after this worker had lost ${request.reference}; nobody will poll it`,
  );
}

async function refuseUnsent(run: BatchContext): Promise<void> {
  const { BATCH_DEADLINE_MS } = run.context.config;
  const why = run.state.errorStreak?.reason;
  const reason = {
    code: why?.code ?? 'ATLAS_UNAVAILABLE',
    message: `not submitted within ${BATCH_DEADLINE_MS / 1000} s${why ? `: ${why.message}` : ''}`,
  };
  for (const { index } of uploadsThatAre(run.state, 'planned')) {
    run.state = stepUpload(run.state, index, { kind: 'too-late', reason });
  }
  await run.lease.save(run.state, 'the deadline came before all documents were sent');
}
