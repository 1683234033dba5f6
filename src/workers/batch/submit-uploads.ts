/**
 * Sends the planned uploads of a batch. Every step is saved before the next one begins. So the saved
 * state is true after a crash at any line. Of an upload that is `sending` only its sender knows whether
 * Atlas has it.
 */
import {
  type BatchContext,
  checkpoint,
  flagsOf,
  isDoomed,
  isPastDeadline,
  uploadsThatAre,
} from './batch-context.js';
import { sendUpload } from './send-upload.js';
import { stepUpload } from './transitions.js';

/** Uploads of one batch that are sent at once. They are few, so that others have room too. */
const UPLOADS_IN_PARALLEL = 4;

/**
 * Sends what is planned, until all is sent, one is refused, or the batch is cancelled.
 * @throws TransientError when Atlas or S3 fails: what was not sent stays planned.
 */
export async function submitPlanned(entry: BatchContext): Promise<void> {
  const planned = uploadsThatAre(entry.state, 'planned');
  if (planned.length === 0) return;
  if (isPastDeadline(entry)) return refuseUnsent(entry);
  // A batch that is cancelled while it sleeps over an error must not run into it again and again.
  const isHeldUp =
    entry.state.errorStreak !== undefined || entry.context.atlas.credentials.areRefused;
  if (isHeldUp && (await flagsOf(entry)).cancelled !== null) return;

  // One iterator for all lanes: each takes the next upload when it is free.
  const queue = planned.values();
  const { length } = entry.state.uploads;
  let failure: unknown;
  async function lane(): Promise<void> {
    for (const { index, upload } of queue) {
      if (failure !== undefined || isDoomed(entry)) return;
      try {
        checkpoint(entry);
        await sendUpload(entry, index, upload);
      } catch (error) {
        failure ??= error;
      }
    }
  }
  const lanes = Math.min(UPLOADS_IN_PARALLEL, planned.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failure !== undefined) throw failure;
  // The halves of uploads that were too large.
  if (entry.state.uploads.length > length && !isDoomed(entry)) await submitPlanned(entry);
}

async function refuseUnsent(entry: BatchContext): Promise<void> {
  const { BATCH_DEADLINE_MS } = entry.context.config;
  const why = entry.state.errorStreak?.reason;
  const reason = {
    code: why?.code ?? 'ATLAS_UNAVAILABLE',
    message: `not submitted within ${BATCH_DEADLINE_MS / 1000} s${why ? `: ${why.message}` : ''}`,
  };
  for (const { index } of uploadsThatAre(entry.state, 'planned')) {
    entry.state = stepUpload(entry.state, index, { kind: 'too-late', reason });
  }
  await entry.lease.save(entry.state, 'the deadline came before all documents were sent');
}
