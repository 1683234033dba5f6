/** Lists of extracts that grow while they are read, or that hold the same extract twice. */
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { readExtractsPage } from '../../../../src/atlas/responses/wire.js';
import { UnknownBatchError } from '../../../../src/errors.js';
import { newPollState } from '../../../../src/jobs/state/poll-state.js';
import type { WorkerContext } from '../../../../src/workers/context.js';
import { MEMORY_LIMITS, PollMemory } from '../../../../src/workers/poll/reading/poll-memory.js';
import { pollOnce } from '../../../../src/workers/poll/reading/read-extracts.js';
import { samplePoll } from './sample-poll.js';

const PER_PAGE = 2;
/** What a page says beside its extracts; a text is its whole body. */
type Says = object | ((page: number) => object | string | 'gone');

/** One poll of an Atlas whose list is `listAt` when a page is read, and that announces no total. */
async function poll(
  listAt: (page: number) => string[] | Promise<string[]>,
  says: Says = {},
  documentIds: string[] = ['a', 'b', 'c'],
) {
  const { data } = samplePoll(documentIds);
  const readPage: WorkerContext['atlas']['readPage'] = async (_, { page }) => {
    const list = await listAt(page);
    const items = list.slice((page - 1) * PER_PAGE, page * PER_PAGE).map((name) => ({
      ...{ document_id: name[0], file_data: { name } },
    }));
    const said = typeof says === 'function' ? says(page) : says;
    if (said === 'gone') throw new UnknownBatchError('B-1');
    const body = { data: items, page, has_next: page * PER_PAGE < list.length };
    const text = typeof said === 'string' ? said : JSON.stringify({ ...body, ...said });
    const read = readExtractsPage(text, page);
    if (!read.ok) throw new Error(read.why);
    return read.value;
  };
  const { signal } = new AbortController();
  const context = { atlas: { readPage }, stopping: signal } as unknown as WorkerContext;
  const memory = new PollMemory(MEMORY_LIMITS).open('B-1', documentIds.length);
  const before = newPollState(0, documentIds.length).seen;
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

const FIVE = ['a1', 'a2', 'a3', 'a4', 'a5'];
const onSecond =
  (body: object | string, otherwise: object = {}) =>
  (page: number) =>
    page === 2 ? body : otherwise;

it.each<[string, (page: number) => string[], Says]>([
  ['whose second page is not ready, by an empty body', () => FIVE, onSecond('')],
  ['whose second page is not ready, by null', () => FIVE, onSecond('{"data":null}')],
  [
    'whose second page is not ready, by its status',
    () => FIVE,
    onSecond('{"status":"processing"}'),
  ],
  [
    'of three pages, of which the second is empty',
    () => FIVE,
    onSecond({ data: [], has_next: false }, { total_pages: 3 }),
  ],
  ['of three pages, of which the second is gone', () => FIVE, onSecond('gone', { total_pages: 3 })],
  [
    'of three pages, of which the second is gone, and that never says whether one follows',
    () => FIVE,
    onSecond('gone', { total_pages: 3, has_next: undefined }),
  ],
  [
    'that was empty when its first page was read, which said that another follows',
    (page) => (page === 1 ? [] : FIVE.slice(0, 3)),
    (page) => (page === 1 ? { has_next: true, total_pages: 2 } : {}),
  ],
  [
    'that announces a total on its first page alone, and then an empty page',
    () => FIVE.slice(0, 3),
    (page) => (page === 1 ? { total_items: 3 } : { data: [], has_next: false }),
  ],
])('a list %s is not complete by this poll', async (_, listAt, says) => {
  expect((await poll(listAt, says, ['a'])).complete).toBe(false);
});

it('a list that says nothing of its pages, and grew behind a short one, is not complete by this poll', async () => {
  const list = (page: number) => (page === 1 ? ['a1'] : ['a1', 'b1', 'b2', 'c1']);
  expect((await poll(list, { has_next: undefined })).complete).toBe(false);
});

it('pages of a list without a total are read one after the other, so that none is read before an earlier one', async () => {
  let list = ['a1', 'b1', 'd1', 'd2', 'f1'];
  // The second page is served late, and the list grows before that.
  const listAt = async (page: number) => {
    if (page !== 2) return list;
    await setImmediate();
    list = ['a1', 'b1', 'c1', 'd1', 'd2', 'f1'];
    return list;
  };
  const asked = await poll(listAt, { total_pages: 3 }, ['a', 'b', 'c', 'd', 'f']);
  expect(asked.found?.extractCount).toBe(6);
});
