/** Which page the list of extracts begins with, and what it costs to know. */
import { expect, it } from 'vitest';
import { readExtractsPage } from '../../../../src/atlas/responses/wire.js';
import { newPollState, type PollState } from '../../../../src/jobs/state/poll-state.js';
import type { WorkerContext } from '../../../../src/workers/context.js';
import { MEMORY_LIMITS, PollMemory } from '../../../../src/workers/poll/reading/poll-memory.js';
import { pollOnce } from '../../../../src/workers/poll/reading/read-extracts.js';
import { afterPoll, beginPoll } from '../../../../src/workers/poll/transitions.js';
import { samplePoll } from './sample-poll.js';

const IDS = ['a', 'b', 'c'];
const POLLS = 20;
const { data, facts } = samplePoll(IDS);

interface Atlas {
  firstPage: 0 | 1;
  /** Extracts that are there at a poll, counted from 1; and what is announced then. */
  readyAt(poll: number): { ready: number; total: number };
  perPage?: number;
}

/** Polls until the list is complete. @returns the pages that each poll asked for. */
async function poll({ firstPage, readyAt, perPage = 50 }: Atlas, lastIsFull = false) {
  const asked: number[][] = [];
  let state: PollState = newPollState(0, IDS.length);
  const readPage: WorkerContext['atlas']['readPage'] = async (_, { page, perPage: size }) => {
    asked.at(-1)?.push(page);
    const { ready, total } = readyAt(asked.length);
    const start = (page - firstPage) * size;
    const items = IDS.slice(0, ready).slice(Math.max(0, start), Math.max(0, start + size));
    const body = {
      data: items.map((id) => ({ document_id: id, file_data: { id } })),
      total_items: total,
    };
    const read = readExtractsPage(JSON.stringify(body), page);
    if (!read.ok) throw new Error(read.why);
    return read.value;
  };
  const { signal } = new AbortController();
  const context = { atlas: { readPage }, stopping: signal } as unknown as WorkerContext;
  for (let number = 1; number <= POLLS; number += 1) {
    asked.push([]);
    state = beginPoll(state, number);
    const memory = new PollMemory(MEMORY_LIMITS).open('B-1', IDS.length);
    const full = lastIsFull && number === POLLS;
    const options = { full, before: state.seen, wantedBytes: 0, perPage, single: false };
    const reading = await pollOnce(context, data, options, memory, signal);
    memory.close();
    const decision = afterPoll(state, { kind: 'read', reading }, facts);
    state = decision.state;
    if (decision.next !== 'sleep') return { asked, isRead: true };
  }
  return { asked, isRead: false };
}

const askedForZero = (asked: number[][]) =>
  asked.flatMap((pages, index) => (pages.includes(0) ? [index + 1] : []));

it.each([50, 2])(
  'extracts that are announced before they are there cost few requests more, with %i on a page',
  async (perPage) => {
    const { asked } = await poll({
      ...{ firstPage: 1, perPage },
      readyAt: () => ({ ready: 0, total: IDS.length }),
    });
    expect(askedForZero(asked)).toEqual([1, 2, 4, 8, 16]);
  },
);

it('the last poll of all asks for page 0 where extracts are announced', async () => {
  const readyAt = (number: number) => ({ ready: number < POLLS ? 0 : 3, total: IDS.length });
  const last = await poll({ firstPage: 0, readyAt }, true);
  expect([last.asked.at(-1), last.isRead]).toEqual([[1, 0], true]);
});

it('an Atlas that counts from 0 and announces what is there is read at the first poll that can', async () => {
  const ready = (number: number) => (number < 4 ? 0 : number < 7 ? 1 : number < 11 ? 2 : 3);
  const { asked, isRead } = await poll({
    firstPage: 0,
    readyAt: (number) => ({ ready: ready(number), total: ready(number) }),
  });
  expect([asked.length, isRead]).toEqual([11, true]);
});

it('an Atlas that counts from 0 and announces everything early is read from its first extract on', async () => {
  const { asked, isRead } = await poll({
    firstPage: 0,
    readyAt: (number) => ({ ready: number < 3 ? 0 : number < 10 ? 1 : 3, total: IDS.length }),
  });
  expect([askedForZero(asked), isRead]).toEqual([[1, 2, 4, 5, 6, 7, 8, 9, 10], true]);
});

it('a page 1 that holds extracts costs no request for page 0', async () => {
  const { asked, isRead } = await poll({
    firstPage: 1,
    readyAt: (number) => ({ ready: number < 3 ? 1 : 3, total: IDS.length }),
  });
  expect([askedForZero(asked), isRead]).toEqual([[], true]);
});
