/**
 * Sends the planned uploads of a batch. Every step is saved before the next one begins. So the saved
 * state is true after a crash at any line. Of an upload that is `sending` only its sender knows whether
 * Atlas has it.
 */
import { fromRanges } from '../../../jobs/index-ranges.js';
import {
  type BatchContext,
  checkpoint,
  deadlineMsOf,
  flagsOf,
  isDoomed,
  isPastDeadline,
  uploadsThatAre,
} from '../batch-context.js';
import { checkBuckets, checkObjects } from '../check-documents.js';
import { askForTurn, type Planned } from '../gate-turn.js';
import { allChecked, stepUpload } from '../transitions.js';
import { sendUpload } from './send-upload.js';

/** Uploads of one batch that are sent at once. They are few, so that others have room too. */
const UPLOADS_IN_PARALLEL = 4;

/**
 * Sends what is planned, as far as the gate admits it: until all is sent or in line, one is refused, or the
 * batch is cancelled.
 * @throws TransientError when Atlas or S3 fails: what was not sent stays planned.
 */
export async function submitPlanned(entry: BatchContext): Promise<'in-line' | 'done'> {
  // Others may be admitted by a later pass, uploads that were too large have become halves, and a pause that is over
  // has turned some back.
  for (let isAgain = false; ; isAgain = true) {
    const planned = uploadsThatAre(entry.state, 'planned');
    if (planned.length === 0) return 'done';
    if (await isPastDeadline(entry)) {
      await refuseUnsent(entry);
      return 'done';
    }
    if (isDoomed(entry)) return 'done';
    const { context, state } = entry;
    // A batch that is cancelled while it sleeps over an error must not run into it again and again, nor turn back its
    // uploads for ever.
    const isHeldUp =
      isAgain ||
      context.gate.isOn ||
      state.errorStreak !== undefined ||
      context.atlas.credentials.areRefused;
    if (isHeldUp && (await flagsOf(entry)).cancelled !== null) return 'done';
    const admitted = await askForTurn(entry, planned);
    if (admitted.length === 0) return 'in-line';
    await checkAdmitted(entry, planned);
    await send(entry, admitted);
  }
}

/**
 * Where a gate is on, the objects of a round are checked when its first upload is admitted. So are its buckets, once
 * more: it may have waited for days, and another worker may have it now.
 */
async function checkAdmitted(entry: BatchContext, planned: Planned): Promise<void> {
  if (!entry.state.unchecked) return;
  const indexes = planned.flatMap(({ upload }) => fromRanges(upload.documentIndexes));
  await checkBuckets(entry, indexes);
  await checkObjects(entry, indexes);
  entry.state = allChecked(entry.state);
}

async function send(entry: BatchContext, uploads: Planned): Promise<void> {
  // One iterator for all lanes: each takes the next upload when it is free.
  const queue = uploads.values();
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
  const lanes = Math.min(UPLOADS_IN_PARALLEL, uploads.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failure !== undefined) throw failure;
}

async function refuseUnsent(entry: BatchContext): Promise<void> {
  const why = entry.state.errorStreak?.reason ?? entry.context.gate.whyShut;
  const reason = {
    code: why?.code ?? 'ATLAS_UNAVAILABLE',
    message: `not submitted within ${deadlineMsOf(entry) / 1000} s${why ? `: ${why.message}` : ''}`,
  };
  for (const { index } of uploadsThatAre(entry.state, 'planned')) {
    entry.state = stepUpload(entry.state, index, { kind: 'too-late', reason });
  }
  await entry.lease.save(entry.state, 'the deadline came before all documents were sent');
}
