import { describe, expect, it } from 'vitest';
import type { Reason } from '../../../src/errors.js';
import {
  type BatchState,
  newBatchState,
  type Upload,
  type UploadState,
} from '../../../src/jobs/batch-state.js';
import type { PollResult } from '../../../src/jobs/poll-state.js';
import {
  afterRound,
  beginRetry,
  beginRound,
  countTransientError,
  countUnexpectedError,
  endRun,
  noteChecked,
  type RoundFacts,
  stepUpload,
} from '../../../src/workers/batch/transitions.js';
import {
  MAX_RESUBMISSIONS,
  nextUpload,
  type UploadStep,
} from '../../../src/workers/batch/upload-transitions.js';

const REASON: Reason = { code: 'ATLAS_REJECTED', message: 'no' };
const plan = { round: 1, documentIndexes: '0-1', scoped: false, resubmissions: 0 };
const atAtlas = { atlasBatchId: 'B-1', sentAt: 5, expectedPollRuns: 1 };

const resultOf = (status: PollResult['status'], missing: string): PollResult => ({
  status,
  missing,
  present: missing === '' ? 2 : 1,
  unexpected: 0,
  unreadable: 0,
  polls: 3,
  stored: status === 'complete' || status === 'incomplete',
  endedAt: 7,
});
const complete = resultOf('complete', '');
const incomplete = resultOf('incomplete', '1');
const rejected = { ...resultOf('rejected', '0-1'), polls: 4, endedAt: 9 };

const planned: Upload = { ...plan, state: 'planned' };
const attempt = { nonce: 'n-1', sender: 'worker-1', startedAt: 4 };
const sending: Upload = { ...plan, state: 'sending', ...attempt };
const sent: Upload = { ...plan, ...atAtlas, state: 'sent', result: null };
const ended: Upload = { ...plan, ...atAtlas, state: 'ended', result: incomplete };
const refused: Upload = {
  ...plan,
  state: 'refused',
  reason: REASON,
  atlasBatchId: null,
  result: null,
};
const UPLOADS = { planned, sending, sent, ended, refused };

const steps = {
  send: { kind: 'send', ...attempt },
  accepted: { kind: 'accepted', atlasBatchId: 'B-1', sentAt: 5 },
  'not-taken': { kind: 'not-taken' },
  refused: { kind: 'refused', reason: REASON },
  'too-large': { kind: 'too-large', reason: REASON },
  'unknown, to be sent again': { kind: 'unknown', why: 'a reset', resubmit: true },
  'unknown, not to be sent again': { kind: 'unknown', why: 'a reset', resubmit: false },
  cancelled: { kind: 'cancelled' },
  'too-late': { kind: 'too-late', reason: REASON },
  'poll-ended': { kind: 'poll-ended', result: incomplete },
  'poll-removed': { kind: 'poll-removed' },
  'not-ours': { kind: 'not-ours' },
  retry: { kind: 'retry' },
} satisfies Record<string, UploadStep>;

/** The drawing of ARCHITECTURE.md: each step, from where it leads where. All else is illegal. */
const LEGAL: Record<keyof typeof steps, Partial<Record<UploadState, UploadState>>> = {
  send: { planned: 'sending' },
  accepted: { sending: 'sent' },
  'not-taken': { sending: 'planned' },
  refused: { sending: 'refused' },
  'too-large': { sending: 'planned' },
  'unknown, to be sent again': { sending: 'planned' },
  'unknown, not to be sent again': { sending: 'refused' },
  cancelled: { sending: 'planned' },
  'too-late': { planned: 'refused' },
  'poll-ended': { sent: 'ended' },
  'poll-removed': { sent: 'sent' },
  'not-ours': { sent: 'refused' },
  retry: { sending: 'sending', sent: 'sent', ended: 'sent' },
};

const TABLE = Object.entries(UPLOADS).flatMap(([state, upload]) =>
  Object.entries(steps).map(([name, step]) => {
    const next = LEGAL[name as keyof typeof steps][state as UploadState] ?? 'illegal';
    return { state, name, next, upload, step };
  }),
);

it.each(TABLE)('an upload that is $state and goes through "$name" is $next', (row) => {
  expect(nextUpload(row.upload, row.step)?.state ?? 'illegal').toBe(row.next);
});

describe('an upload', () => {
  it('an upload has exactly the fields of its state', () => {
    const states = [
      [planned, steps.send, sending],
      [sending, steps.accepted, sent],
      [sending, steps['not-taken'], planned],
      [sending, steps.refused, refused],
      [planned, steps['too-late'], refused],
      [sent, steps['poll-ended'], ended],
      [ended, steps.retry, { ...sent, expectedPollRuns: 2, result: incomplete }],
      [sending, steps.retry, { ...sending, consented: true }],
    ] as const;
    for (const [before, step, after] of states) expect(nextUpload(before, step)).toEqual(after);
  });

  it('an upload that was to be sent again when the deadline came is ambiguous, and names why', () => {
    const again = { ...planned, resubmissions: 1 };
    expect(nextUpload(again, steps['too-late'])).toMatchObject({
      state: 'refused',
      reason: { code: 'AMBIGUOUS_SUBMISSION', message: expect.stringContaining(REASON.message) },
    });
  });

  it('an upload keeps the id of an Atlas batch that belongs to another batch', () => {
    expect(nextUpload(sent, steps['not-ours'])).toEqual({
      ...refused,
      reason: expect.objectContaining({ code: 'ATLAS_PROTOCOL' }),
      atlasBatchId: 'B-1',
    });
  });

  it('an upload is sent again at most twice when nobody knows whether Atlas took it', () => {
    const unknown = steps['unknown, to be sent again'];
    const twice = { ...sending, resubmissions: MAX_RESUBMISSIONS };
    expect(nextUpload(sending, unknown)).toEqual({ ...planned, resubmissions: 1 });
    expect(nextUpload(twice, unknown)).toMatchObject({
      state: 'refused',
      reason: { code: 'AMBIGUOUS_SUBMISSION' },
    });
  });

  it('a conflict is ambiguous when the upload, or an earlier run, has sent the documents', () => {
    const conflict: UploadStep = { kind: 'refused', reason: REASON, conflict: true };
    const codeOf = (upload: Upload) => {
      const next = nextUpload(upload, conflict);
      return next?.state === 'refused' && next.reason.code;
    };
    expect(codeOf(sending)).toBe('ATLAS_REJECTED');
    expect(codeOf({ ...sending, resubmissions: 1 })).toBe('AMBIGUOUS_SUBMISSION');
    expect(codeOf({ ...sending, mayBeAtAtlas: true })).toBe('AMBIGUOUS_SUBMISSION');
  });

  it('an upload is sent once more at most when Atlas took it without a readable id', () => {
    const answered = { ...steps['unknown, to be sent again'], answered: true };
    const again = nextUpload(sending, answered);
    expect(again).toEqual({ ...planned, resubmissions: MAX_RESUBMISSIONS });
    for (const resubmissions of [1, 2]) {
      expect(nextUpload({ ...sending, resubmissions }, answered)).toMatchObject({
        state: 'refused',
        reason: { code: 'AMBIGUOUS_SUBMISSION' },
      });
    }
  });

  it('an upload that Atlas refuses as a repetition is ambiguous when it may be one', () => {
    const conflict = { ...steps.refused, conflict: true };
    expect(nextUpload(sending, conflict)).toEqual(refused);
    expect(nextUpload({ ...sending, resubmissions: 1 }, conflict)).toMatchObject({
      state: 'refused',
      reason: { code: 'AMBIGUOUS_SUBMISSION' },
    });
  });

  it('an upload of one document that is too large is refused', () => {
    const one = { ...sending, documentIndexes: '3' };
    expect(nextUpload(one, steps['too-large'])).toEqual({ ...refused, documentIndexes: '3' });
  });

  it('an upload keeps what an earlier run found when a later one learns nothing', () => {
    const again: Upload = { ...sent, result: incomplete };
    expect(nextUpload(again, { kind: 'poll-ended', result: rejected })).toMatchObject({
      result: { ...incomplete, polls: 4, endedAt: 9 },
    });
    expect(nextUpload(again, { kind: 'poll-ended', result: complete })).toMatchObject({
      result: complete,
    });
  });

  it('an upload that is complete is not polled again after a retry', () => {
    const whole: Upload = { ...ended, result: complete };
    expect(nextUpload(whole, steps.retry)).toBe(whole);
  });

  it.each([
    { holder: sent, runs: 1, polled: 'is polled already' },
    { holder: ended, runs: 2, polled: 'was polled to its end' },
  ])('an upload waits for run $runs of a poll job that $polled', ({ holder, runs }) => {
    expect(nextUpload(sending, steps.accepted, [holder])).toMatchObject({ expectedPollRuns: runs });
  });
});

describe('a batch', () => {
  const stateOf = (...uploads: Upload[]): BatchState => ({
    ...newBatchState(0, 0),
    round: 1,
    uploads,
  });
  const facts: RoundFacts = { total: 2, cancelled: null, pastDeadline: false, maxRounds: 2 };

  it('a batch remembers its first upload, and forgets its errors when Atlas takes one', () => {
    const stuck = countTransientError(countTransientError(stateOf(sending), REASON), REASON);
    expect(stuck.errorStreak).toEqual({ count: 2, reason: REASON });
    const calm = stepUpload(stuck, 0, steps.accepted);
    expect(calm).toEqual({ ...stateOf(sent), submittedAt: 5 });
    const later = { ...stepUpload(calm, 0, steps['poll-removed']), uploads: [sending] };
    expect(stepUpload(later, 0, { ...steps.accepted, sentAt: 9 }).submittedAt).toBe(5);
  });

  it('a batch halves an upload that is too large, and no index of another upload changes', () => {
    const large = { ...sending, documentIndexes: '0-2,5,7', resubmissions: 1 };
    const half = { ...planned, resubmissions: 1 };
    expect(stepUpload(stateOf(large, sent), 0, steps['too-large'])).toEqual(
      stateOf({ ...half, documentIndexes: '0-2' }, sent, { ...half, documentIndexes: '5,7' }),
    );
  });

  it('a batch refuses a step that the state of its upload does not allow', () => {
    expect(() => stepUpload(stateOf(ended), 0, steps.send)).toThrow(
      'an upload that is ended cannot go through send',
    );
  });

  it.each<[string, BatchState, Partial<RoundFacts>, object]>([
    [
      'completes when nothing is missing',
      stateOf({ ...ended, result: complete }),
      {},
      { next: 'completed' },
    ],
    ['begins a round with what is missing', stateOf(ended), {}, { next: 'round', missing: [1] }],
    [
      'is incomplete after the last round',
      { ...stateOf(ended), round: 2 },
      {},
      { next: 'incomplete', missing: [1] },
    ],
    [
      'is incomplete at the deadline',
      stateOf(ended),
      { pastDeadline: true },
      { next: 'incomplete', missing: [1] },
    ],
    [
      'fails when an upload was refused',
      stateOf(ended, refused),
      {},
      { next: 'failed', reason: REASON },
    ],
    [
      'fails when it was cancelled',
      stateOf({ ...ended, result: complete }),
      { cancelled: REASON },
      { next: 'failed', reason: REASON },
    ],
  ])('a batch %s', (_, state, changes, end) => {
    expect(afterRound(state, { ...facts, ...changes })).toEqual(end);
  });

  it('a batch that is retried remembers what was sent without knowing whether it was taken', () => {
    const unknown = (documentIndexes: string, changes: object): Upload => ({
      ...{ ...refused, documentIndexes },
      ...changes,
    });
    const failed = {
      ...stateOf(
        unknown('0', { reason: { code: 'AMBIGUOUS_SUBMISSION', message: 'unknown' } }),
        unknown('3', { resubmissions: 1 }),
        unknown('5', {}),
        { ...ended, documentIndexes: '6', resubmissions: 1 },
      ),
      unknownIndexes: '8',
    };
    const run = { startedAtAttempt: 1, stallsBefore: 0, startedAt: 10 };
    const retried = beginRetry(failed, run);
    expect(retried.unknownIndexes).toBe('0,3,6,8');
    const uploads: Upload[] = [
      { ...planned, documentIndexes: '0-2' },
      { ...planned, documentIndexes: '4-5' },
    ];
    const begun = beginRound(retried, uploads).uploads.slice(-2);
    expect(begun).toEqual([
      { ...uploads[0], run: 1, mayBeAtAtlas: true },
      { ...uploads[1], run: 1 },
    ]);
  });

  it('a batch that is retried keeps what is at Atlas, and nothing else', () => {
    const failed = endRun(
      countUnexpectedError(countTransientError(stateOf(planned, sent, ended, refused), REASON)),
      {
        status: 'failed',
        reason: REASON,
        eventId: 'done-x@1',
        eventJobId: 'done-x',
        attemptsMade: 0,
        endedAt: 9,
        resultsRoot: 's3://results/',
        announced: true,
      },
    );
    const run = { startedAtAttempt: 1, stallsBefore: 3, startedAt: 10 };
    expect(beginRetry(failed, run)).toEqual({
      ...newBatchState(1, 10),
      ...run,
      outcomes: 1,
      uploads: [
        { ...sent, expectedPollRuns: 2 },
        { ...ended, state: 'sent', expectedPollRuns: 2 },
      ],
    });
  });
});

describe('objects that are checked', () => {
  const failed = countTransientError(countTransientError(newBatchState(0, 1), REASON), REASON);

  it('a pass that got further than the one before makes the errors before it a thing of the past', () => {
    const first = noteChecked(failed, '0-499');
    expect(first.checked).toBe('0-499');
    expect(countTransientError(first, REASON).errorStreak?.count).toBe(1);
    const stuck = noteChecked(countTransientError(first, REASON), '0-499');
    expect(countTransientError(stuck, REASON).errorStreak?.count).toBe(2);
    expect(noteChecked(failed, '')).toBe(failed);
  });

  it('a round that begins, and a retry, forget them', () => {
    const checked = noteChecked(failed, '0-1');
    expect(beginRound(checked, [planned])).not.toHaveProperty('checked');
    const retry = { startedAtAttempt: 1, stallsBefore: 0, startedAt: 2 };
    expect(beginRetry(checked, retry)).not.toHaveProperty('checked');
  });
});
