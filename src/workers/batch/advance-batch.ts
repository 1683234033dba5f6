/** The rounds of a batch: check, send, wait for the polls, send what is missing, end. */
import { hasCallbacks } from '../../config/config.js';
import type { Reason } from '../../errors.js';
import { countText, plural } from '../../plural.js';
import type { StepResult } from '../runtime/run-step.js';
import { flagKeys, toFlags } from '../runtime/signals.js';
import { addedOwners, ownerValue } from './add-poll-job.js';
import {
  type BatchContext,
  checkpoint,
  flagsOf,
  isDoomed,
  isPastDeadline,
  type Sleep,
} from './batch-context.js';
import { checkBuckets, checkObjects } from './check-documents.js';
import { collectBeforeSleep, collectPolls } from './collect-polls.js';
import { leaveUnsent, sleepInLine } from './gate-turn.js';
import { afterRound, beginRound, whyGivenUp } from './transitions.js';
import { planUploads, uploadSize } from './upload/plan-uploads.js';
import { submitPlanned } from './upload/submit-uploads.js';
import { wakePolls } from './wake-polls.js';

/** Documents that a message names before it goes on with "and … more". */
const NAMED_IN_MESSAGE = 20;

/** Until a poll that is to be removed has ended its request, which takes from milliseconds to a time-out; up to twice as long. */
const UNDER_WAY_WAIT_MS = 500;

export type WaitForChildren = Extract<StepResult<never>, { kind: 'wait-for-children' }>;

/** How the batch ends. */
export interface Ending {
  kind: 'ending';
  status: 'completed' | 'failed';
  reason?: Reason;
}

/**
 * Goes as far as it can: to the end, or to where polls are pending or uploads wait in line.
 * @throws TransientError; PermanentError.
 */
export async function advanceBatch(entry: BatchContext): Promise<Ending | WaitForChildren | Sleep> {
  const { context, request } = entry;
  const total = request.documents.length;
  for (;;) {
    checkpoint(entry);
    if (entry.state.uploads.length === 0) await planNextRound(entry, allIndexes(total));
    const isInLine = (await submitPlanned(entry)) === 'in-line';
    const collected = await (isInLine ? collectBeforeSleep(entry) : collectPolls(entry));
    const { pending, mustWait, flags } = collected;
    // One that will fail keeps nobody waiting: it leaves the line, and waits for its polls or ends.
    if (isInLine && !mustWait && !isDoomed(entry)) return sleepInLine(entry);
    if (pending > 0) {
      // Who has not asked for its turn is cancelled, will fail, or is past its deadline: it asks no more.
      await leaveUnsent(entry, { keepsPlace: isInLine && !isDoomed(entry) });
      if (mustWait) return { kind: 'sleep', delayMs: UNDER_WAY_WAIT_MS * (1 + context.random()) };
      return {
        kind: 'wait-for-children',
        added: entry.addedPolls.values(),
        // Read after all that was added: whoever wants something later finds it.
        keys: {
          read: flagKeys(context, request.reference),
          owned: addedOwners(entry),
          owner: ownerValue(entry),
        },
        afterwards: (values) => wakePolls(entry, toFlags(values, entry.job.timestamp)),
      };
    }
    const { cancelled } = flags ?? (await flagsOf(entry));
    const pastDeadline = await isPastDeadline(entry);
    const end = afterRound(entry.state, {
      total,
      cancelled: cancelled && { code: 'CANCELLED', message: cancelled.reason },
      pastDeadline,
      maxRounds: context.config.RESUBMIT_MISSING + 1,
    });
    switch (end.next) {
      case 'completed':
        return { kind: 'ending', status: 'completed' };
      case 'failed':
        return { kind: 'ending', status: 'failed', reason: end.reason };
      case 'incomplete':
        return { kind: 'ending', status: 'failed', reason: whyIncomplete(entry, end.missing) };
      case 'round':
        await planNextRound(entry, end.missing);
    }
  }
}

/**
 * The plan is saved with the first upload; a crash before that plans the same again. Where a gate is on it
 * is saved at once, since the line knows its uploads, and objects are checked when their turn comes.
 */
async function planNextRound(entry: BatchContext, indexes: number[]): Promise<void> {
  const { context, lease } = entry;
  const { isOn: waitsForTurn } = context.gate;
  try {
    await checkBuckets(entry, indexes);
    if (!waitsForTurn) await checkObjects(entry, indexes);
  } catch (error) {
    // Whatever is wrong with the documents of a batch that nobody wants.
    if ((await flagsOf(entry)).cancelled !== null) return;
    throw error;
  }
  const round = entry.state.round + 1;
  const uploads = planUploads(indexes, {
    round,
    size: uploadSize(context.config),
    // A callback names no batch: only its document ids tie it to one.
    scoped: hasCallbacks(context.config),
  });
  entry.state = beginRound(entry.state, uploads, waitsForTurn);
  const checked = waitsForTurn ? 'planned' : 'checked';
  lease.note(
    round === 1
      ? `${checked} ${plural(indexes.length, 'object')}; sending ${plural(uploads.length, 'upload')}`
      : `sending ${plural(indexes.length, 'missing document')} again`,
  );
  if (waitsForTurn) await lease.save(entry.state);
}

function whyIncomplete({ state, request }: BatchContext, missing: number[]): Reason {
  const why = whyGivenUp(state);
  if (why) return why;
  const names = missing.flatMap((index) => request.documents[index]?.documentId ?? []);
  return {
    code: 'INCOMPLETE',
    message: `${countText(names.length)} of ${plural(request.documents.length, 'document')} never came: ${listNames(names)}`,
  };
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
