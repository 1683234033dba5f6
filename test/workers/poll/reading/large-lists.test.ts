/** Lists of extracts that are larger than a poll may hold. */
import { expect, it } from 'vitest';
import type { Reconciliation } from '../../../../src/extracts/reconcile.js';
import { newPollState, type PollData } from '../../../../src/jobs/state/poll-state.js';
import type { WorkerContext } from '../../../../src/workers/context.js';
import { ListTooLargeError } from '../../../../src/workers/poll/reading/memory-errors.js';
import { MEMORY_LIMITS, PollMemory } from '../../../../src/workers/poll/reading/poll-memory.js';
import { pollOnce } from '../../../../src/workers/poll/reading/read-extracts.js';

const MIB = 1024 * 1024;
const documentIds = ['a', 'b', 'c', 'd'];
const data: PollData = {
  ...{ v: 1, reference: 'loan', atlasBatchId: 'B-1', productType: 'LOAN_APP', scoped: false },
  ...{ documentIds, documentIndexes: '0-3', batchTimestamp: 1, sentAt: 0 },
  ...{ batchStartedAt: 0, roundsAfter: 0 },
};

it('a page that does not fit costs none of those that are read beside it', async () => {
  const bytes = [10 * MIB, 10 * MIB, 30 * MIB, 10 * MIB];
  const readPage: WorkerContext['atlas']['readPage'] = async (_, { page }, __, memory) => {
    memory?.hold(bytes[page - 1] ?? 0);
    const items = [{ atlasDocumentId: documentIds[page - 1] ?? '', fileData: '{"n":1}' }];
    const paging = {
      perPage: 1,
      totalPages: 4,
      totalItems: 4,
      hasNext: page < 4,
      hasPrev: page > 1,
    };
    return { items, page, saidPage: page, ...paging };
  };
  const { signal } = new AbortController();
  const context = { atlas: { readPage }, stopping: signal } as unknown as WorkerContext;
  const memory = new PollMemory(MEMORY_LIMITS).open('B-1', documentIds.length);
  let found: Reconciliation | undefined;
  const reading = pollOnce(
    context,
    data,
    {
      ...{ full: true, before: newPollState(0, 4).seen, wantedBytes: 0, perPage: 1, single: false },
      onBegin(begun) {
        found = begun;
      },
    },
    memory,
    signal,
  );
  await expect(reading).rejects.toThrow(ListTooLargeError);
  expect(found?.documents().map(({ documentId }) => documentId)).toEqual(['a', 'b', 'd']);
});
