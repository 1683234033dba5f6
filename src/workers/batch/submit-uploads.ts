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
export async function submitPlanned(run: BatchContext): Promise<void> {
  const planned = uploadsThatAre(run.state, 'planned');
  if (planned.length === 0) return;
  if (isPastDeadline(run)) return refuseUnsent(run);
  // A batch that is cancelled while it sleeps over an error must not run into it again and again.
  const isHeldUp = run.state.errorStreak !== undefined || run.context.atlas.credentials.areRefused;
  if (isHeldUp && (await flagsOf(run)).cancelled !== null) return;

  // One iterator for all lanes: each takes the next upload when it is free.
  const queue = planned.values();
  const { length } = run.state.uploads;
  let failure: unknown;
  async function lane(): Promise<void> {
    for (const { index, upload } of queue) {
      if (failure !== undefined || isDoomed(run)) return;
      try {
        checkpoint(run);
        await sendUpload(run, index, upload);
      } catch (error) {
        failure ??= error;
      }
    }
  }
  const lanes = Math.min(UPLOADS_IN_PARALLEL, planned.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failure !== undefined) throw failure;
  // The halves of uploads that were too large.
  if (run.state.uploads.length > length && !isDoomed(run)) await submitPlanned(run);
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
