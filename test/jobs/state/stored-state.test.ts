import { expect, test } from 'vitest';
import {
  type BatchState,
  newBatchState,
  readState,
  type SentUpload,
} from '../../../src/jobs/state/batch-state.js';
import { newPollState } from '../../../src/jobs/state/poll-state.js';
import { toStored } from '../../../src/jobs/state/stored-state.js';

const sent: SentUpload = {
  ...{ state: 'sent', round: 1, documentIndexes: '0-4', scoped: false, resubmissions: 0 },
  ...{ atlasBatchId: 'BATCH-1', sentAt: 5, expectedPollRuns: 1, result: null },
};

function read(stored: object): unknown {
  const read = readState<BatchState>(JSON.parse(JSON.stringify(stored)));
  return read.kind === 'known' ? read.state : read.kind;
}

test('the stored state of a batch leaves out what most batches hold, and is read with it', () => {
  const state = { ...newBatchState(0, 1), round: 1, uploads: [sent] };
  const stored = toStored(state);
  expect(stored).toEqual({
    ...{ v: 1, startedAt: 1, round: 1 },
    uploads: [
      {
        ...{ state: 'sent', round: 1, documentIndexes: '0-4', resubmissions: 0 },
        ...{ atlasBatchId: 'BATCH-1', sentAt: 5 },
      },
    ],
  });
  expect(read(stored)).toEqual(state);
});

test('the stored state of a batch keeps what few batches hold', () => {
  const again = { ...sent, scoped: true, expectedPollRuns: 2 };
  const { scoped, resubmissions } = sent;
  const planned = {
    state: 'planned' as const,
    round: 1,
    documentIndexes: '5',
    scoped,
    resubmissions,
  };
  const state: BatchState = {
    ...{ ...newBatchState(2, 1), stallsBefore: 3, outcomes: 1, unexpectedErrors: 4 },
    uploads: [again, planned],
  };
  expect(toStored(state)).toEqual({
    ...state,
    uploads: [
      {
        ...{ state: 'sent', round: 1, documentIndexes: '0-4', scoped: true, resubmissions: 0 },
        ...{ atlasBatchId: 'BATCH-1', sentAt: 5, expectedPollRuns: 2 },
      },
      planned,
    ],
  });
  expect(read(toStored(state))).toEqual(state);
});

test('the stored state of a batch may be whole, as it was before fields were left out', () => {
  const state = { ...newBatchState(0, 1), round: 1, uploads: [sent] };
  expect(read(state)).toEqual(state);
});

test('the stored state of a poll job is its state', () => {
  const state = newPollState(0, 5);
  expect(toStored(state)).toBe(state);
  expect(read(state)).toEqual(state);
});
