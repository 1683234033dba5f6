/** One upload and the moment of its poll, for tests of what a poll reads. */
import type { PollData } from '../../../../src/jobs/state/poll-state.js';

/** @param documentIds Of the upload, as Atlas knows them. */
export function samplePoll(documentIds: string[]) {
  const data: PollData = {
    ...{ v: 1, reference: 'loan', atlasBatchId: 'B-1', productType: 'LOAN_APP', scoped: false },
    ...{ documentIds, documentIndexes: `0-${documentIds.length - 1}`, batchTimestamp: 1 },
    ...{ sentAt: 0, batchStartedAt: 0, roundsAfter: 1 },
  };
  const facts = {
    ...{ data, now: 10, deadlines: { share: 1000, batch: 2000 }, deadlineMs: 2000 },
    ...{ nextPollMs: () => 5, retryMs: () => 5 },
  };
  return { data, facts };
}
