/** Uploads in each state, steps that they can go through, and results of their polls. */
import type { Reason } from '../../../src/errors.js';
import type { Upload } from '../../../src/jobs/state/batch-state.js';
import type { PollResult } from '../../../src/jobs/state/poll-state.js';
import type { UploadStep } from '../../../src/workers/batch/upload/upload-transitions.js';

export const REASON: Reason = { code: 'ATLAS_REJECTED', message: 'no' };
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
export const complete = resultOf('complete', '');
export const incomplete = resultOf('incomplete', '1');
export const rejected = { ...resultOf('rejected', '0-1'), polls: 4, endedAt: 9 };

export const planned = { ...plan, state: 'planned' } satisfies Upload;
const attempt = { nonce: 'n-1', sender: 'worker-1', startedAt: 4 };
export const sending = { ...plan, state: 'sending', ...attempt } satisfies Upload;
export const sent = { ...plan, ...atAtlas, state: 'sent', result: null } satisfies Upload;
export const ended = { ...plan, ...atAtlas, state: 'ended', result: incomplete } satisfies Upload;
export const refused = {
  ...plan,
  state: 'refused',
  reason: REASON,
  atlasBatchId: null,
  result: null,
} satisfies Upload;
export const UPLOADS = { planned, sending, sent, ended, refused };

export const steps = {
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
