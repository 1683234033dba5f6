/**
 * Sends the planned uploads of a batch. Every step is saved before the next one, so that a crash
 * at any line is entered again with the truth, or with `sending`: the one thing that cannot be
 * known.
 */
import { LockLostError, PermanentError, TransientError } from '../../errors.js';
import { type AtlasBatchOwner, ownerKey, readOwner } from '../../jobs/atlas-batch-owner.js';
import type { Upload } from '../../jobs/batch-state.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { flagKeys, toFlags } from '../runtime/signals.js';
import { addPoll } from './add-poll-job.js';
import {
  type BatchContext,
  checkpoint,
  deadlineOf,
  flagsOf,
  isPastDeadline,
} from './batch-context.js';

/** Uploads sent at once for one batch: a few, so that a large batch leaves room for others. */
const UPLOADS_IN_PARALLEL = 4;
/** How often an upload is sent again because nobody knew whether Atlas had taken it. */
const MAX_RESUBMISSIONS = 2;

/**
 * Sends what is planned, until all is sent, one is refused, or the batch is cancelled.
 * @throws TransientError when Atlas or S3 fails: what was not sent stays planned.
 */
export async function submitPlanned(run: BatchContext): Promise<void> {
  const planned = run.state.uploads.filter(({ state }) => state === 'planned');
  if (planned.length === 0) return;
  if (isPastDeadline(run)) return refuseUnsent(run, planned);
  // A batch that is cancelled while it sleeps over an error must not run into it again and again.
  if (run.state.errorStreak && (await flagsOf(run)).cancelled !== null) return;

  // One iterator for all lanes: each takes the next upload when it is free.
  const queue = planned.values();
  let failure: unknown;
  async function lane(): Promise<void> {
    for (const upload of queue) {
      if (failure !== undefined || isDoomed(run)) return;
      try {
        await submit(run, upload);
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

/** Found on entry: whoever sent it died before the response was saved. */
export async function resolveUnknownUploads(run: BatchContext): Promise<void> {
  for (const upload of run.state.uploads) {
    if (upload.state === 'sending') {
      await afterUnknown(run, upload, 'the worker died before the response of Atlas was saved');
    }
  }
}

async function submit(run: BatchContext, upload: Upload): Promise<void> {
  const { context, lease, state, request } = run;
  checkpoint(run);
  const documents = fromRanges(upload.documentIndexes).map((index) => {
    const document = request.documents[index];
    if (!document) throw new Error(`the batch has no document ${index}`);
    return document;
  });
  const urls = await context.store.presign(documents);
  const scope = upload.scoped ? `${request.reference}/` : '';
  const files = urls.map((url, position) => ({
    file_url: url,
    document_id: `${scope}${documents[position]?.documentId}`,
  }));
  const response = await post(run, upload, files);
  if (response === null) return;

  const holder = state.uploads.findLast(
    ({ atlasBatchId }) => atlasBatchId === response.atlasBatchId,
  );
  upload.state = 'sent';
  upload.atlasBatchId = response.atlasBatchId;
  upload.sentAt = context.clock.now();
  upload.expectedPollRuns =
    (holder?.expectedPollRuns ?? 0) + (holder && holder.state !== 'ended' ? 0 : 1);
  state.submittedAt ??= upload.sentAt;
  delete state.errorStreak;
  let owner: AtlasBatchOwner | null;
  try {
    const line = `sent documents[${upload.documentIndexes}] as ${response.atlasBatchId}`;
    const read = [ownerKey(context.config.QUEUE_PREFIX, response.atlasBatchId)];
    owner = readOwner((await lease.save(state, line, { read }))[0] ?? null);
  } catch (error) {
    if (error instanceof LockLostError) reportOrphan(run, response.atlasBatchId);
    throw error;
  }
  context.metrics.uploads.inc({ result: 'sent' });
  context.logger.info(
    {
      reference: request.reference,
      atlasBatchId: response.atlasBatchId,
      documentCount: files.length,
    },
    `upload of ${request.reference} sent as ${response.atlasBatchId}`,
  );
  if (!holder) void addPoll(run, upload, deadlineOf(run), owner);
}

/** The outside wants the batch no more: nothing was sent. */
class UnwantedError extends Error {
  override name = 'UnwantedError';
}

/** From here on a crash leaves an unknown upload. Rejects when nothing may be sent. */
async function saveSending(run: BatchContext, upload: Upload): Promise<void> {
  upload.state = 'sending';
  const { context, lease, state, request, job } = run;
  const read = flagKeys(context, request.reference);
  const values = await lease.save(state, '', { renew: true, read });
  if (toFlags(values, job.timestamp).cancelled !== null) throw new UnwantedError();
  await confirmByReplica(run, upload);
}

/** With `REPLICA_ACK_TIMEOUT_MS`, which may take of the lock's time: nothing is sent whose `sending` a failover could lose. */
async function confirmByReplica(
  { context, lease, state }: BatchContext,
  upload: Upload,
): Promise<void> {
  const timeoutMs = context.config.REPLICA_ACK_TIMEOUT_MS;
  if (timeoutMs === 0) return;
  if (await lease.reachedReplica(timeoutMs)) return lease.renew();
  upload.state = 'planned';
  await lease.save(state);
  throw new TransientError(
    'INTERNAL',
    `no replica of Redis confirmed a write within ${timeoutMs} ms`,
  );
}

/** The POST itself; null when there is no response to wait for, with the state saved. */
async function post(
  run: BatchContext,
  upload: Upload,
  files: { file_url: string; document_id: string }[],
): Promise<{ atlasBatchId: string } | null> {
  const { context, lease, state, request, signal } = run;
  const { productType } = request;
  const sendAfter = saveSending(run, upload);
  try {
    return await context.atlas.upload({ productType, files, sendAfter }, signal);
  } catch (error) {
    const stopped: unknown = await sendAfter.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (stopped instanceof UnwantedError) {
      upload.state = 'planned';
      await lease.save(state);
      return null;
    }
    if (stopped !== null) throw stopped;
    if (signal.aborted) throw new LockLostError(lease.jobId);
    if (error instanceof PermanentError) {
      upload.state = 'refused';
      upload.reason = error.reason;
      await lease.save(state, `documents[${upload.documentIndexes}] refused: ${error.message}`);
      context.metrics.uploads.inc({ result: 'refused' });
      return null;
    }
    if (error instanceof TransientError && error.taken === 'not-taken') {
      upload.state = 'planned';
      await lease.save(state);
      context.metrics.uploads.inc({ result: 'not-taken' });
      throw error;
    }
    const message = error instanceof TransientError ? error.message : 'an unforeseen error';
    await afterUnknown(run, upload, message);
    context.metrics.uploads.inc({ result: 'unknown' });
    if (isDoomed(run)) return null;
    throw error;
  }
}

/** `ON_AMBIGUOUS_SUBMISSION` decides what becomes of an upload that Atlas may have taken. */
async function afterUnknown(run: BatchContext, upload: Upload, why: string): Promise<void> {
  const { context, lease, state, request } = run;
  const again =
    context.config.ON_AMBIGUOUS_SUBMISSION === 'resubmit' &&
    upload.resubmissions < MAX_RESUBMISSIONS;
  if (again) {
    upload.state = 'planned';
    upload.resubmissions += 1;
  } else {
    upload.state = 'refused';
    upload.reason = {
      code: 'AMBIGUOUS_SUBMISSION',
      message: `nobody knows whether Atlas took documents[${upload.documentIndexes}] (${why}); check there before you retry`,
    };
  }
  const next = again
    ? `sending again, ${upload.resubmissions} of ${MAX_RESUBMISSIONS}`
    : 'not sent again';
  await lease.save(
    state,
    `unknown whether Atlas took documents[${upload.documentIndexes}]: ${why}; ${next}`,
  );
  context.metrics.unknownUploads.inc();
  context.logger.warn(
    { reference: request.reference, resubmissions: upload.resubmissions, again },
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

async function refuseUnsent(run: BatchContext, planned: Upload[]): Promise<void> {
  const { lease, state, context } = run;
  const why = state.errorStreak?.reason;
  for (const upload of planned) {
    upload.state = 'refused';
    upload.reason = {
      code: why?.code ?? 'ATLAS_UNAVAILABLE',
      message: `not submitted within ${context.config.BATCH_DEADLINE_MS / 1000} s${why ? `: ${why.message}` : ''}`,
    };
  }
  await lease.save(state, 'the deadline came before all documents were sent');
}
