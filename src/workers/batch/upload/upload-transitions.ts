/**
 * Every legal step of an upload, as pure functions. ARCHITECTURE.md draws them, and nothing else changes
 * an upload.
 */
import type { Reason } from '../../../errors.js';
import { FRONT_OF_LINE } from '../../../gate/line-model.js';
import { fromRanges, toRanges } from '../../../jobs/index-ranges.js';
import type {
  EndedUpload,
  PlannedUpload,
  RefusedUpload,
  SendingUpload,
  SentUpload,
  Upload,
} from '../../../jobs/state/batch-state.js';
import type { PollResult } from '../../../jobs/state/poll-state.js';

/** How often an upload is sent again because nobody knew whether Atlas had taken it. */
export const MAX_RESUBMISSIONS = 2;

/** What came of sending an upload. */
export type SendResult =
  | { kind: 'accepted'; atlasBatchId: string; sentAt: number }
  /** Surely not at Atlas: it may be sent again. */
  | { kind: 'not-taken' }
  /** Atlas said no. `conflict`: it has these documents already. */
  | { kind: 'refused'; reason: Reason; conflict?: boolean }
  /** Too much for Atlas at once. The reason is for an upload that cannot be halved. */
  | { kind: 'too-large'; reason: Reason }
  /** Nobody knows whether Atlas took it. `answered`: it has, under an id that it did not tell. */
  | { kind: 'unknown'; why: string; resubmit: boolean; answered?: boolean }
  /** The batch was cancelled before anything was sent. */
  | { kind: 'cancelled' };

export type UploadStep =
  | { kind: 'send'; nonce: string; sender: string; startedAt: number }
  | SendResult
  /** The deadline came before it was sent. */
  | { kind: 'too-late'; reason: Reason }
  | { kind: 'poll-ended'; result: PollResult }
  /** Its poll job was removed by hand. */
  | { kind: 'poll-removed' }
  /** Its `batch_id` is that of another batch. */
  | { kind: 'not-ours' }
  /** An operator retried the batch. */
  | { kind: 'retry' };

/**
 * The upload after a step; null when its state does not allow the step.
 * @param others Uploads of the batch, of which one may have the `batch_id` that Atlas gave.
 */
export function nextUpload(
  upload: Upload,
  step: UploadStep,
  others: readonly Upload[] = [],
): Upload | null {
  switch (upload.state) {
    case 'planned':
      if (step.kind === 'send') {
        const { nonce, sender, startedAt } = step;
        return { ...planOf(upload), state: 'sending', nonce, sender, startedAt };
      }
      if (step.kind !== 'too-late') return null;
      // What was sent before may have arrived: it was to be sent again.
      if (mayBeAtAtlas(upload)) return ambiguous(upload, step.reason.message);
      return refuse(upload, step.reason);
    case 'sending':
      return afterSending(upload, step, others);
    case 'sent':
      return afterSent(upload, step);
    case 'ended':
      if (step.kind !== 'retry') return null;
      // Nothing can be added to a result that has every document.
      return upload.result.status === 'complete' ? upload : pollAgain(upload);
    case 'refused':
      return null;
  }
}

/** Whether a step says that Atlas took the upload, or may have: its documents count as sent. */
export function mayHaveArrived({ kind }: UploadStep): boolean {
  return kind === 'accepted' || kind === 'unknown';
}

/** Why the documents of an upload go to Atlas: for the first time, or once more. */
export type SendReason = 'first' | 'missing' | 'unknown' | 'retry';

export function sendReasonOf({ resubmissions, round, run }: Upload): SendReason {
  if (resubmissions > 0) return 'unknown';
  if (round > 1) return 'missing';
  return run === undefined ? 'first' : 'retry';
}

/**
 * What came of an upload that an earlier entry of the job was sending, for whoever finds it; null while
 * its sender may still say it.
 * @param receipt what the sender has written down
 * @param resubmit what this worker does about an unknown upload
 */
export function resultOfSending(
  receipt: SendResult | null,
  { senderIsDead, resubmit }: { senderIsDead: boolean; resubmit: boolean },
): SendResult | null {
  if (receipt !== null) return receipt.kind === 'unknown' ? { ...receipt, resubmit } : receipt;
  const why = 'the worker died before the response of Atlas was saved';
  return senderIsDead ? { kind: 'unknown', why, resubmit } : null;
}

/** What each result of sending leads to. */
function afterSending(
  upload: SendingUpload,
  step: UploadStep,
  others: readonly Upload[],
): Upload | null {
  switch (step.kind) {
    case 'accepted': {
      const { atlasBatchId, sentAt } = step;
      const expectedPollRuns = runsUntilNews(holderOf(others, atlasBatchId));
      const accepted = { atlasBatchId, sentAt, expectedPollRuns, result: null };
      return { ...planOf(upload), state: 'sent', ...accepted };
    }
    case 'not-taken':
    case 'cancelled':
      return { ...planOf(upload), state: 'planned' };
    case 'refused':
      // It is a no to the repetition: what was sent before has probably arrived.
      if (step.conflict && mayBeAtAtlas(upload)) return ambiguous(upload, step.reason.message);
      return refuse(upload, step.reason);
    case 'too-large': {
      const [half] = halvesOf(upload);
      return half ?? refuse(upload, step.reason);
    }
    case 'unknown': {
      const { resubmissions } = upload;
      const most = step.answered ? 1 : MAX_RESUBMISSIONS;
      if (!step.resubmit || resubmissions >= most) return ambiguous(upload, step.why);
      // Whatever comes of the repetition, there is no other one after an answer.
      const next = step.answered ? MAX_RESUBMISSIONS : resubmissions + 1;
      return { ...planOf(upload), state: 'planned', resubmissions: next };
    }
    case 'retry':
      // Its receipt says what became of it. Without one the retry is consent to send it again.
      return {
        ...upload,
        resubmissions: 0,
        ...(mayBeAtAtlas(upload) && { mayBeAtAtlas: true }),
        consented: true,
      };
    default:
      return null;
  }
}

function afterSent(upload: SentUpload, step: UploadStep): Upload | null {
  switch (step.kind) {
    case 'poll-ended':
      return { ...upload, state: 'ended', result: laterResult(upload.result, step.result) };
    case 'poll-removed':
      return { ...upload, expectedPollRuns: 1 };
    case 'not-ours': {
      const message = `Atlas answered with ${upload.atlasBatchId}, which belongs to another batch`;
      return refuse(upload, { code: 'ATLAS_PROTOCOL', message });
    }
    case 'retry':
      return pollAgain(upload);
    default:
      return null;
  }
}

/** A run of the poll job that learnt nothing leaves what an earlier one found. */
function laterResult(earlier: PollResult | null, later: PollResult): PollResult {
  const { polls, endedAt } = later;
  const wasGivenUp = later.status === 'rejected' || later.status === 'cancelled';
  const learntNothing = wasGivenUp && later.present <= (earlier?.present ?? 0);
  return learntNothing && earlier ? { ...earlier, polls, endedAt } : later;
}

function refuse(upload: Upload, reason: Reason): RefusedUpload {
  const { atlasBatchId, result } = { atlasBatchId: null, result: null, ...upload };
  return { ...planOf(upload), state: 'refused', reason, atlasBatchId, result };
}

function ambiguous(upload: Upload, why: string): RefusedUpload {
  const message = `nobody knows whether Atlas took documents[${upload.documentIndexes}] (${why}); check there before you retry`;
  return refuse(upload, { code: 'AMBIGUOUS_SUBMISSION', message });
}

/**
 * Two uploads that bring what one was to bring; none for a single document. They fit into the room that it had: at the
 * front of the line they keep nobody waiting.
 */
export function halvesOf(upload: Upload): PlannedUpload[] {
  const indexes = fromRanges(upload.documentIndexes);
  const middle = Math.ceil(indexes.length / 2);
  if (middle === indexes.length) return [];
  return [indexes.slice(0, middle), indexes.slice(middle)].map((half) => ({
    ...planOf(upload),
    state: 'planned',
    documentIndexes: toRanges(half),
    startTag: FRONT_OF_LINE,
  }));
}

/** Without what only one state knows. */
function planOf({ round, run, documentIndexes, scoped, resubmissions, mayBeAtAtlas }: Upload) {
  const plan = { round, ...(run && { run }), documentIndexes, scoped, resubmissions };
  return mayBeAtAtlas ? { ...plan, mayBeAtAtlas } : plan;
}

/** Whether its documents were sent before, and nobody knows whether Atlas took them. */
export function mayBeAtAtlas(upload: Upload): boolean {
  const isAmbiguous = upload.state === 'refused' && upload.reason.code === 'AMBIGUOUS_SUBMISSION';
  return isAmbiguous || upload.resubmissions > 0 || upload.mayBeAtAtlas === true;
}

function pollAgain(upload: SentUpload | EndedUpload): SentUpload {
  return { ...upload, state: 'sent', expectedPollRuns: upload.expectedPollRuns + 1 };
}

/** The upload of this batch, if any, that the Atlas batch is polled for already. */
export function holderOf(
  uploads: readonly Upload[],
  atlasBatchId: string,
): SentUpload | EndedUpload | undefined {
  return uploads
    .filter((upload) => upload.state === 'sent' || upload.state === 'ended')
    .findLast((upload) => upload.atlasBatchId === atlasBatchId);
}

/** A poll job that is under way serves the second upload too; one that ended has to run again. */
function runsUntilNews(holder: SentUpload | EndedUpload | undefined): number {
  return (holder?.expectedPollRuns ?? 0) + (holder?.state === 'sent' ? 0 : 1);
}
