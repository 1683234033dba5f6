/** Pages of which any field may be of another type, absent, null or absurd. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { errorFor } from '../../../../src/atlas/responses/response-errors.js';
import { rowFor } from '../../../../src/atlas/responses/response-table.js';
import { readExtractsPage } from '../../../../src/atlas/responses/wire.js';
import { TransientError, UnknownBatchError } from '../../../../src/errors.js';
import { newPollState } from '../../../../src/jobs/state/poll-state.js';
import type { WorkerContext } from '../../../../src/workers/context.js';
import type { PollEvent } from '../../../../src/workers/poll/poll-event.js';
import { MEMORY_LIMITS, PollMemory } from '../../../../src/workers/poll/reading/poll-memory.js';
import { pollOnce } from '../../../../src/workers/poll/reading/read-extracts.js';
import { afterPoll, beginPoll } from '../../../../src/workers/poll/transitions.js';
import { samplePoll } from './sample-poll.js';

const SEED = 23;
const DOCUMENTS = ['17', 'b', 'c', 'd'];
const { data, facts } = samplePoll(DOCUMENTS);

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, -1, 0, 1e308, 2 ** 53, '5', 'false', '', ' ', 1.5, true, [], {}),
);
/** One that can be read, and the text of it. */
const goodItem = fc
  .tuple(fc.constantFrom<string | number>(17, ...DOCUMENTS), fc.dictionary(fc.string(), odd))
  .map(([id, fields]) => ({
    good: String(id),
    text: JSON.stringify({ document_id: id, file_data: { ...fields, document_type: 'PAN' } }),
  }));
/** What JSON can be written as that is not quite JSON. */
const flaw = fc.constantFrom<(json: string) => string>(
  (json) => json,
  (json) => json.replace(/}$/, ',}'),
  (json) => `\ufeff${json}`,
  (json) => `Warning: array {} in app.php\n${json}`,
  (json) => json + json,
  (json) => JSON.stringify(json),
);
const oddItem = fc
  .oneof(odd, fc.record({ document_id: odd, file_data: odd }, { requiredKeys: [] }))
  .map((item) => ({
    good: null,
    text: JSON.stringify(item).replaceAll(/(?<![\d.-])1\.5(?![\de])/g, 'NaN'),
  }));
const pages = fc.record({
  items: fc.array(fc.oneof(goodItem, oddItem), { maxLength: 6 }),
  paging: fc.record(
    { page: odd, per_page: odd, total_pages: odd, total_items: odd, has_next: odd, has_prev: odd },
    { requiredKeys: [] },
  ),
});
const beyond = fc.constantFrom('404', '500', 'empty', 'the same', 'not ready');

/** What the poll of an Atlas with this first page comes to, and what follows further pages. */
async function poll(first: string, then: string, perPage: number): Promise<PollEvent> {
  const readPage: WorkerContext['atlas']['readPage'] = async (_, { page }) => {
    if (page > 1 && then === '404') throw new UnknownBatchError('B-1');
    if (page > 1 && then === '500') throw errorFor(rowFor('extracts', 500), 'answered 500');
    const texts: Record<string, string> = { empty: `{"data":[],"page":${page}}`, 'not ready': '' };
    const read = readExtractsPage(page === 1 ? first : (texts[then] ?? first), page);
    if (read.ok) return read.value;
    throw errorFor(rowFor('extracts', 'unusable'), read.why);
  };
  const context = { atlas: { readPage }, stopping: new AbortController().signal } as unknown;
  const options = { full: true, before: newPollState(0, 4).seen, wantedBytes: 0 };
  const memory = new PollMemory(MEMORY_LIMITS).open('B-1', DOCUMENTS.length);
  try {
    const { signal } = new AbortController();
    return {
      kind: 'read',
      reading: await pollOnce(
        context as WorkerContext,
        data,
        { ...options, perPage, single: perPage === 1 },
        memory,
        signal,
      ),
    };
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    return { kind: 'transient-error', reason: error.reason, retryAfterMs: 0 };
  }
}

it('whatever a page holds, what is readable counts, nothing throws, and no poll job ends early', async () => {
  let read = 0;
  const sizes = fc.constantFrom(50, 1);
  const property = fc.asyncProperty(
    pages,
    beyond,
    flaw,
    sizes,
    async (page, then, write, perPage) => {
      const { items, paging } = page;
      const members = Object.entries(paging).map(
        ([name, value]) => `"${name}":${JSON.stringify(value)}`,
      );
      const data = `"data":[${items.map(({ text }) => text).join(',')}]`;
      const first = write(`{${[data, ...members].join(',')}}`);
      const event = await poll(first, then, perPage);
      const decision = afterPoll(beginPoll(newPollState(0, 4), 10), event, facts);
      expect(decision.next).not.toBe('end');
      if (event.kind !== 'read') return;
      read += 1;
      if (!readExtractsPage(first, 1).ok) return;
      const present = new Set(items.flatMap(({ good }) => good ?? []));
      expect(event.reading.present).toBeGreaterThanOrEqual(present.size);
      if (decision.next === 'store') expect(event.reading.present).toBe(DOCUMENTS.length);
    },
  );
  await fc.assert(property, { seed: SEED, numRuns: 1000 });
  expect(read).toBeGreaterThan(500);
});

const events = fc.constantFrom<PollEvent>(
  { kind: 'not-found', reason: { code: 'ATLAS_REJECTED', message: '404' } },
  ...(['at-once', 'when-it-lasts'] as const).map((halve) => ({
    ...{
      kind: 'page-unreadable' as const,
      reason: { code: 'ATLAS_PROTOCOL' as const, message: '' },
    },
    ...{ halve, perPage: 8, retryAfterMs: 0 },
  })),
  { kind: 'transient-error', reason: { code: 'STORAGE', message: 'away' }, retryAfterMs: 0 },
  { kind: 'no-room', reason: { code: 'ATLAS_UNAVAILABLE', message: 'full' }, retryAfterMs: 3 },
  { kind: 'no-memory', wantedBytes: 9 },
  ...[1, 4].flatMap((present): PollEvent[] =>
    [false, true].map((overdue) => {
      const found = { extractCount: present, present };
      const reading = {
        complete: false,
        toStay: '',
        failing: false,
        filledUp: false,
        present,
        announced: 5,
        found,
      };
      return { kind: 'read', reading: { ...reading, overdue: overdue && present === 4 } };
    }),
  ),
);

it('no order of readings, errors, 404s and pages too large ends a poll job before its share is over', () => {
  const property = fc.property(fc.array(fc.tuple(events, fc.nat(400))), (history) => {
    let state = newPollState(0, 4);
    let now = 0;
    for (const [event, laterMs] of history) {
      now += laterMs;
      const decision = afterPoll(beginPoll(state, now), event, { ...facts, now });
      if (now < facts.deadlines.share) expect(decision.next).not.toBe('end');
      const notRead = !['read', 'no-memory', 'page-unreadable'].includes(event.kind);
      if (now >= facts.deadlines.batch && notRead) expect(decision.next).toBe('end');
      if (decision.next !== 'sleep') return;
      state = decision.state;
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 2000 });
});
