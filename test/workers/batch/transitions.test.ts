import { describe, expect, it } from 'vitest';
import {
  type BatchState,
  type EndedUpload,
  newBatchState,
  type Upload,
} from '../../../src/jobs/state/batch-state.js';
import {
  afterRound,
  awaitLate,
  beginRetry,
  beginRound,
  countTransientError,
  countUnexpectedError,
  endRun,
  keepPlaces,
  noteChecked,
  type RoundFacts,
  resumeClock,
  stepUpload,
  stopClock,
} from '../../../src/workers/batch/transitions.js';
import {
  complete,
  ended,
  incomplete,
  planned,
  REASON,
  refused,
  rejected,
  sending,
  sent,
  steps,
} from './sample-uploads.js';

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
    expect(calm).toEqual({ ...stateOf(sent), submittedAt: 5, documentsSent: 2 });
    const later = { ...stepUpload(calm, 0, steps['poll-removed']), uploads: [sending] };
    expect(stepUpload(later, 0, { ...steps.accepted, sentAt: 9 }).submittedAt).toBe(5);
  });

  it('the clock of a batch in line stands still, but for as long as nobody can send', () => {
    const state = stateOf(planned);
    expect(resumeClock(state, 100, 5)).toEqual(state);
    const inLine = stopClock(state, 100, 40);
    expect(resumeClock(inLine, 160, 40)).toEqual({ ...state, stoodMs: 60 });
    expect(resumeClock(inLine, 160, 65)).toEqual({ ...state, stoodMs: 35 });
    expect(resumeClock({ ...inLine, stoodMs: 7 }, 160, 200)).toEqual({ ...state, stoodMs: 7 });
    // What was counted in Redis is gone.
    expect(resumeClock(inLine, 160, 0)).toEqual({ ...state, stoodMs: 60 });
  });

  it('an upload that left the line over an error comes back to where it stood, until it is sent', () => {
    const left = keepPlaces(
      stateOf(planned, sent),
      new Map([
        [0, 4.5],
        [1, 9],
      ]),
    );
    expect(left).toEqual(stateOf({ ...planned, startTag: 4.5 }, sent));
    expect(keepPlaces(left, new Map([[0, undefined]]))).toEqual(left);
    expect(stepUpload(left, 0, steps.send).uploads[0]).toEqual(sending);
  });

  it('a batch counts what Atlas took or may have taken, repeats included, over all its runs', () => {
    const unknown = stepUpload(stateOf(sending), 0, steps['unknown, to be sent again']);
    expect(unknown.documentsSent).toBe(2);
    const again = stepUpload({ ...unknown, uploads: [sending] }, 0, steps.accepted);
    expect(again.documentsSent).toBe(4);
    for (const kind of ['not-taken', 'refused'] as const)
      expect(stepUpload(stateOf(sending), 0, steps[kind]).documentsSent).toBeUndefined();
    const run = { startedAtAttempt: 1, stallsBefore: 0, startedAt: 9 };
    expect(beginRetry(again, run).documentsSent).toBe(4);
  });

  it('a batch halves an upload that is too large, and no index of another upload changes', () => {
    const large = { ...sending, documentIndexes: '0-2,5,7', resubmissions: 1 };
    const half = { ...planned, resubmissions: 1, startTag: 0 };
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
    [
      'fails when all is there and a list could not be read to its end',
      stateOf({ ...ended, result: { ...rejected, missing: '', reason: REASON } }),
      {},
      { next: 'failed', reason: REASON },
    ],
    [
      'completes when that was in an earlier round',
      stateOf(
        { ...ended, result: { ...rejected, missing: '1' } },
        { ...ended, round: 2, documentIndexes: '1', result: complete },
      ),
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

  it('a batch whose documents come late polls what misses some, and begins no round', () => {
    const round = { present: 1, missing: '1' };
    const first: EndedUpload = {
      ...ended,
      documentIndexes: '0-1',
      result: { ...incomplete, ...round },
    };
    // Sent again in a second round, and there: nothing of the first is missing any more.
    const other: EndedUpload = {
      ...first,
      documentIndexes: '2-3',
      result: { ...incomplete, missing: '3', present: 1 },
    };
    const again: EndedUpload = {
      ...ended,
      documentIndexes: '1',
      result: { ...incomplete, status: 'complete', missing: '', present: 1 },
    };
    const failed = awaitLate(stateOf(first, other, again), 9);
    const run = { startedAtAttempt: 1, stallsBefore: 0, startedAt: 10 };
    const late = beginRetry(failed, run, 'late');
    expect(late).toMatchObject({ late: true, lateSince: 9, outcomes: 1 });
    expect(late.uploads.map(({ state }) => state)).toEqual(['ended', 'sent', 'ended']);
    const facts = { total: 4, cancelled: null, pastDeadline: false, maxRounds: 2 };
    expect(afterRound(late, facts)).toEqual({ next: 'incomplete', missing: [3] });
    // What an operator retries is no late run, and awaits nothing until it ends.
    const retried = beginRetry(late, run);
    expect([retried.late, retried.lateSince]).toEqual([undefined, undefined]);
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
