import { describe, expect, it } from 'vitest';
import type { Upload, UploadState } from '../../../../src/jobs/state/batch-state.js';
import type { PollResult } from '../../../../src/jobs/state/poll-state.js';
import {
  MAX_RESUBMISSIONS,
  nextUpload,
  type UploadStep,
} from '../../../../src/workers/batch/upload/upload-transitions.js';
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
  UPLOADS,
} from '../sample-uploads.js';

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
    const richer: PollResult = { ...rejected, present: incomplete.present + 1, stored: true };
    for (const result of [complete, richer])
      expect(nextUpload(again, { kind: 'poll-ended', result })).toMatchObject({ result });
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
