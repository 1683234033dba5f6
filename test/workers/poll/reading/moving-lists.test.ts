/** Lists of extracts that grow while they are read, or that hold the same extract twice. */
import { expect, it } from 'vitest';
import { readExtractsPage } from '../../../../src/atlas/responses/wire.js';
import { newPollState, type PollData } from '../../../../src/jobs/state/poll-state.js';
import type { WorkerContext } from '../../../../src/workers/context.js';
import { MEMORY_LIMITS, PollMemory } from '../../../../src/workers/poll/reading/poll-memory.js';
import { pollOnce } from '../../../../src/workers/poll/reading/read-extracts.js';

const PER_PAGE = 2;
const data: PollData = {
  ...{ v: 1, reference: 'loan', atlasBatchId: 'B-1', productType: 'LOAN_APP', scoped: false },
  ...{ documentIds: ['a', 'b', 'c'], documentIndexes: '0-2', batchTimestamp: 1, sentAt: 0 },
  ...{ batchStartedAt: 0, roundsAfter: 0 },
};

/** One poll of an Atlas whose list is `listAt` when a page is read, and that announces no total. */
async function poll(listAt: (page: number) => string[], says: object = {}) {
  const readPage: WorkerContext['atlas']['readPage'] = async (_, { page }) => {
    const list = listAt(page);
    const items = list.slice((page - 1) * PER_PAGE, page * PER_PAGE).map((name) => ({
      ...{ document_id: name[0], file_data: { name } },
    }));
    const body = { data: items, page, has_next: page * PER_PAGE < list.length, ...says };
    const read = readExtractsPage(JSON.stringify(body), page);
    if (!read.ok) throw new Error(read.why);
    return read.value;
  };
  const { signal } = new AbortController();
  const context = { atlas: { readPage }, stopping: signal } as unknown as WorkerContext;
  const memory = new PollMemory(MEMORY_LIMITS).open('B-1', data.documentIds.length);
  const before = newPollState(0, data.documentIds.length).seen;
  const options = { full: true, before, wantedBytes: 0, perPage: PER_PAGE, single: false };
  return pollOnce(context, data, options, memory, signal);
}

it.each([
  ['at its start', ['a2', 'a1', 'b1', 'c1']],
  ['by more than a page', ['a2', 'b2', 'b3', 'a1', 'b1', 'c1']],
  ['in the middle of a page', ['a1', 'a2', 'b1', 'c1']],
])('a list without totals that grew %s between two pages is read again', async (_, grown) => {
  const moving = await poll((page) => (page === 1 ? ['a1', 'b1', 'c1'] : grown));
  expect([moving.complete, moving.overdue]).toEqual([false, true]);
  const steady = await poll(() => grown);
  expect([steady.complete, steady.found?.extractCount]).toEqual([true, grown.length]);
});

it('a list without totals that holds the same extract on two pages is believed when it stays', async () => {
  const twice = await poll(() => ['a1', 'b1', 'b1', 'c1']);
  expect([twice.complete, twice.overdue]).toEqual([false, true]);
});

it('a list without totals has not stayed when its extracts come in another order', async () => {
  const orders = [
    ['a1', 'a2', 'b1', 'c1', 'c1'],
    ['a1', 'a2', 'b1', 'c1', 'c1'],
    ['a2', 'a1', 'b1', 'c1', 'c1'],
  ];
  const [first, again, other] = await Promise.all(orders.map((list) => poll(() => list)));
  expect(first?.overdue).toBe(true);
  expect(again?.toStay).toBe(first?.toStay);
  expect(other?.toStay).not.toBe(first?.toStay);
});

it.each([
  ['that never speaks of pages', { has_next: undefined }],
  ['that announces pages alone', { total_pages: 2 }],
])('a list %s, and begins again at its end, is believed when it stays', async (_, says) => {
  const list = ['a1', 'b1', 'c1', 'c2'];
  const again = await poll((page) => (page === 3 ? [...list, ...list] : list), says);
  expect([again.complete || again.overdue, again.found?.extractCount]).toEqual([true, 4]);
});

it('a list without totals of which each page is all of it is complete at once', async () => {
  const list = ['a1', 'b1', 'c1'];
  const whole = await poll(() => [], {
    data: list.map((name) => ({ document_id: name[0], file_data: { name } })),
    has_next: undefined,
  });
  expect([whole.complete, whole.found?.extractCount]).toEqual([true, 3]);
});
