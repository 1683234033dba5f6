/** The rounds of a batch: check, send, wait for the polls, send what is missing, end. */
import { promoteIfDelayed } from '../../batches/promote.js';
import { hasCallbacks } from '../../config/config.js';
import type { Reason } from '../../errors.js';
import { pollJobId } from '../../jobs/ids.js';
import { missingDocuments } from '../../jobs/summary.js';
import type { StepResult } from '../runtime/run-step.js';
import type { Flags } from '../runtime/signals.js';
import { type BatchContext, checkpoint, flagsOf, isPastDeadline } from './batch-context.js';
import { checkDocuments } from './check-documents.js';
import { collectPolls } from './collect-polls.js';
import { planUploads } from './plan-uploads.js';
import { submitPlanned } from './submit-upload.js';

/** Documents that a message names before it goes on with "and … more". */
const NAMED_IN_MESSAGE = 20;

export type WaitForChildren = Extract<StepResult<never>, { kind: 'wait-for-children' }>;

/** How the batch ends. */
export interface Ending {
  kind: 'ending';
  status: 'completed' | 'failed';
  reason?: Reason;
}

/**
 * Goes as far as it can: to the end, or to where polls are pending.
 * @throws TransientError; PermanentError.
 */
export async function advanceBatch(run: BatchContext): Promise<Ending | WaitForChildren> {
  const { context, state, request } = run;
  const total = request.documents.length;
  for (;;) {
    checkpoint(run);
    if (state.uploads.length === 0) await planNextRound(run, allIndexes(total));
    await submitPlanned(run);
    const collecting = collectPolls(run);
    // What the outside wants is read after all that was added: whoever wants it later finds it.
    const wanted = flagsOf(run);
    wanted.catch(() => {});
    if ((await collecting) > 0) {
      return {
        kind: 'wait-for-children',
        added: run.addedPolls.values(),
        afterwards: async () => wakePolls(run, await wanted),
      };
    }
    const { cancelled } = await wanted;
    if (cancelled) return failed('CANCELLED', cancelled.reason);
    const refused = state.uploads.find((upload) => upload.state === 'refused')?.reason;
    if (refused) return { kind: 'ending', status: 'failed', reason: refused };

    const missing = missingDocuments(total, state);
    if (missing.length === 0) return { kind: 'ending', status: 'completed' };
    if (state.round > context.config.RESUBMIT_MISSING || isPastDeadline(run)) {
      return { kind: 'ending', status: 'failed', reason: whyIncomplete(run, missing) };
    }
    await planNextRound(run, missing);
  }
}

/** The plan is saved with the first upload; a crash before that plans the same again. */
async function planNextRound(run: BatchContext, indexes: number[]): Promise<void> {
  const { context, lease, state } = run;
  try {
    await checkDocuments(run, indexes);
  } catch (error) {
    // Whatever is wrong with the documents of a batch that nobody wants.
    if ((await flagsOf(run)).cancelled !== null) return;
    throw error;
  }
  state.round += 1;
  const uploads = planUploads(indexes, {
    round: state.round,
    size: context.config.ATLAS_MAX_DOCUMENTS_PER_UPLOAD,
    // A callback names no batch: only its document ids tie it to one.
    scoped: hasCallbacks(context.config),
  });
  state.uploads.push(...uploads);
  lease.note(
    state.round === 1
      ? `checked ${indexes.length === 1 ? 'one object' : `${indexes.length} objects`}; sending them in ${uploads.length === 1 ? 'one upload' : `${uploads.length} uploads`}`
      : `sending ${indexes.length} missing documents again`,
  );
}

/**
 * Polls that sleep find out at once that the batch is cancelled. Atlas may have called before it
 * answered the upload, when there was no job to wake yet: a wake that is younger than the request
 * ends the first sleep of a poll at once.
 */
async function wakePolls(run: BatchContext, { cancelled, wokenAt }: Flags): Promise<void> {
  const { context, state, addedPolls } = run;
  const { ATLAS_TIMEOUT_MS } = context.config;
  const sent = state.uploads.filter(
    (upload) =>
      upload.state === 'sent' &&
      (cancelled || (addedPolls.has(upload) && wokenAt > (upload.sentAt ?? 0) - ATLAS_TIMEOUT_MS)),
  );
  await Promise.all(
    sent.map(({ atlasBatchId = '' }) =>
      promoteIfDelayed(context.pollJobs, pollJobId(atlasBatchId)),
    ),
  );
}

function whyIncomplete({ state, request }: BatchContext, missing: number[]): Reason {
  const learntNothing = state.uploads.findLast(({ result }) => result?.status === 'rejected');
  if (learntNothing?.result?.reason && learntNothing.round === state.round) {
    return learntNothing.result.reason;
  }
  const names = missing.flatMap((index) => request.documents[index]?.documentId ?? []);
  return {
    code: 'INCOMPLETE',
    message: `${names.length} of ${request.documents.length} documents never came: ${listNames(names)}`,
  };
}

function failed(code: Reason['code'], message: string): Ending {
  return { kind: 'ending', status: 'failed', reason: { code, message } };
}

function listNames(names: string[]): string {
  const named = names.slice(0, NAMED_IN_MESSAGE).join(', ');
  return names.length > NAMED_IN_MESSAGE
    ? `${named} and ${names.length - NAMED_IN_MESSAGE} more`
    : named;
}

function allIndexes(total: number): number[] {
  return Array.from({ length: total }, (_, index) => index);
}
