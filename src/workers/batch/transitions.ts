/**
 * Every legal step of a batch, as pure functions; those of its uploads are in upload-transitions.ts.
 * Nothing else changes the state of a batch.
 */
import type { Reason } from '../../errors.js';
import { fromRanges, type IndexRanges, toRanges } from '../../jobs/index-ranges.js';
import {
  type BatchOutcome,
  type BatchState,
  resultOf,
  type Upload,
  uploadsStillMissing,
} from '../../jobs/state/batch-state.js';
import type { RunMode } from '../../jobs/state/run-mode.js';
import { missingDocuments } from '../../jobs/summary.js';
import {
  halvesOf,
  mayBeAtAtlas,
  mayHaveArrived,
  nextUpload,
  type UploadStep,
} from './upload/upload-transitions.js';

/**
 * One that is too large becomes its first half; its second half comes after all others.
 * @throws Error when the upload's state does not allow the step.
 */
export function stepUpload(state: BatchState, index: number, step: UploadStep): BatchState {
  const upload = state.uploads[index];
  const next = upload && nextUpload(upload, step, state.uploads);
  if (!next) throw new Error(`an upload that is ${upload?.state} cannot go through ${step.kind}`);
  const uploads = state.uploads.with(index, next);
  if (step.kind === 'too-large') uploads.push(...halvesOf(upload).slice(1));
  const { errorStreak, ...calm } = { ...state, uploads };
  if (mayHaveArrived(step))
    calm.documentsSent = (state.documentsSent ?? 0) + fromRanges(upload.documentIndexes).length;
  if (step.kind === 'accepted') return { ...calm, submittedAt: state.submittedAt ?? step.sentAt };
  return errorStreak ? { ...calm, errorStreak } : calm;
}

/**
 * The first round, or the next, begins with these uploads.
 * @param unchecked Whether their objects are still to be checked.
 */
export function beginRound(
  state: BatchState,
  uploads: readonly Upload[],
  unchecked = false,
): BatchState {
  const next = allChecked(state);
  if (unchecked) next.unchecked = true;
  const unknown = new Set(fromRanges(state.unknownIndexes ?? ''));
  const run = state.outcomes > 0 && { run: state.outcomes };
  const planned = uploads.map((upload) =>
    fromRanges(upload.documentIndexes).some((index) => unknown.has(index))
      ? { ...upload, ...run, mayBeAtAtlas: true as const }
      : { ...upload, ...run },
  );
  return { ...next, round: state.round + 1, uploads: [...state.uploads, ...planned] };
}

/** Every object of the round can be fetched. */
export function allChecked({ checked: _, unchecked: __, ...state }: BatchState): BatchState {
  return state;
}

/**
 * The deadline stands still from now on, but for as long as nobody can send: an upload waits in line.
 * @param outageMs how long that was so far, in all
 */
export function stopClock(state: BatchState, now: number, outageMs: number): BatchState {
  return { ...state, inLineSince: now, outageBefore: outageMs };
}

/** The job is entered again: the deadline goes on. */
export function resumeClock(
  { inLineSince, outageBefore = 0, ...state }: BatchState,
  now: number,
  outageMs: number,
): BatchState {
  if (inLineSince === undefined) return state;
  const stood = now - inLineSince - Math.max(0, outageMs - outageBefore);
  return { ...state, stoodMs: (state.stoodMs ?? 0) + Math.max(0, stood) };
}

/**
 * Uploads leave the line over an error, and come back to where they stood.
 * @param startTags by the index of an upload; undefined for one that stood nowhere
 */
export function keepPlaces(
  state: BatchState,
  startTags: ReadonlyMap<number, number | undefined>,
): BatchState {
  const uploads = state.uploads.map((upload, index) => {
    const startTag = startTags.get(index);
    return upload.state === 'planned' && startTag !== undefined ? { ...upload, startTag } : upload;
  });
  return { ...state, uploads };
}

/**
 * S3 failed before all objects were checked. When it got further than before, it is not as bad as the
 * errors in a row say: the next pass begins soon.
 */
export function noteChecked(state: BatchState, checked: IndexRanges): BatchState {
  if (checked === (state.checked ?? '')) return state;
  const { errorStreak, ...calm } = state;
  return { ...calm, checked };
}

export interface RoundFacts {
  /** Documents of the batch. */
  total: number;
  /** Why somebody cancelled it. */
  cancelled: Reason | null;
  pastDeadline: boolean;
  maxRounds: number;
}

export type RoundEnd =
  | { next: 'completed' }
  | { next: 'failed'; reason: Reason }
  | { next: 'incomplete'; missing: number[] }
  | { next: 'round'; missing: number[] };

/** What follows when no upload is at Atlas any more. */
export function afterRound(state: BatchState, facts: RoundFacts): RoundEnd {
  if (facts.cancelled) return { next: 'failed', reason: facts.cancelled };
  for (const upload of state.uploads)
    if (upload.state === 'refused') return { next: 'failed', reason: upload.reason };
  const missing = missingDocuments(facts.total, state);
  if (missing.length === 0) {
    // Every document has come, and perhaps more of them that could not be read: a retry reads on.
    const reason = whyGivenUp(state);
    return reason ? { next: 'failed', reason } : { next: 'completed' };
  }
  const last =
    state.late || state.round >= facts.maxRounds || facts.pastDeadline || failsHere(state);
  return { next: last ? 'incomplete' : 'round', missing };
}

/** Why Atlas could not be read to the end, of an upload of the last round; undefined when it could. */
export function whyGivenUp({ uploads }: BatchState): Reason | undefined {
  const last = uploads.at(-1);
  const ofLastRound = uploads.filter(({ round, run }) => round === last?.round && run === last.run);
  const results = ofLastRound.map(resultOf);
  return results.findLast((result) => result?.status === 'rejected')?.reason;
}

/** Whether it is here that a list of Atlas cannot be read: sent again, it would do the same once more. */
function failsHere(state: BatchState): boolean {
  return whyGivenUp(state)?.code === 'INTERNAL';
}

/** Counts a transient error, for the back-off and for the reason that the deadline may give. */
export function countTransientError(state: BatchState, reason: Reason): BatchState {
  return { ...state, errorStreak: { count: (state.errorStreak?.count ?? 0) + 1, reason } };
}

export function countUnexpectedError(state: BatchState): BatchState {
  return { ...state, unexpectedErrors: state.unexpectedErrors + 1 };
}

export function endRun(state: BatchState, outcome: BatchOutcome): BatchState {
  return { ...state, outcome };
}

/** It ended `INCOMPLETE`: from now on what is missing is awaited. */
export function awaitLate(state: BatchState, since: number): BatchState {
  return { ...state, lateSince: since };
}

/**
 * A retry of a failed batch: what is known of Atlas stays, everything else is new. Where documents have come late, only
 * those Atlas batches are polled again of which some are missing.
 */
export function beginRetry(
  state: BatchState,
  entry: Pick<BatchState, 'startedAtAttempt' | 'stallsBefore' | 'startedAt'>,
  mode: RunMode = 'operator',
): BatchState {
  const polled = mode === 'late' ? new Set<Upload>(uploadsStillMissing(state)) : null;
  const uploads = state.uploads.flatMap((upload) =>
    polled && !polled.has(upload) ? upload : (nextUpload(upload, { kind: 'retry' }) ?? []),
  );
  const outcomes = state.outcomes + 1;
  const next = { ...state, ...entry, round: 0, outcomes, unexpectedErrors: 0, uploads };
  delete next.late;
  if (mode === 'late') next.late = true;
  else delete next.lateSince;
  const unknownIndexes = unknownOf(state);
  if (unknownIndexes !== '') next.unknownIndexes = unknownIndexes;
  delete next.errorStreak;
  delete next.lost;
  delete next.checked;
  delete next.unchecked;
  delete next.stoodMs;
  delete next.extendedMs;
  delete next.inLineSince;
  delete next.outageBefore;
  delete next.outcome;
  return next;
}

/** Documents that were sent, without knowing whether Atlas took them. */
function unknownOf({ uploads, unknownIndexes = '' }: BatchState): string {
  const unknown = uploads.filter(mayBeAtAtlas).map(({ documentIndexes }) => documentIndexes);
  return toRanges([unknownIndexes, ...unknown].flatMap(fromRanges));
}
