import { expect, it } from 'vitest';
import type { ReasonCode } from '../../src/errors.js';
import type { PollState } from '../../src/jobs/state/poll-state.js';
import type { AtlasRequestView } from '../../src/simulator/index.js';
import {
  BATCHES,
  type Fault,
  modesOf,
  TEST_TIMEOUT_MS,
  tryAll,
  tryFault,
  tryHabit,
} from '../helpers/fault-trials.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { expectStoredAsAtlasHasIt, readResults } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type SystemOptions, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** For faults that cost a second each. */
const FEW = LONG ? BATCHES : 2;

/** Atlas may have taken the upload: after two resubmissions nobody sends it again. */
const UNKNOWN: ReasonCode[] = ['AMBIGUOUS_SUBMISSION'];
const REFUSED: ReasonCode[] = ['ATLAS_REJECTED'];
const QUICK = { environment: { ATLAS_TIMEOUT_MS: '1000' } };

/** A client whose credentials are refused leaves them alone for long; that is tested elsewhere. */
const withToken = ({ endpoint }: AtlasRequestView) => endpoint !== 'authtoken';

const holdsSecond = ({ page = 1, perPage = 50 }: AtlasRequestView) =>
  Math.ceil(2 / perPage) === page;

/** A page may be unreadable four times in a row by chance, and a document with two extracts completes without one. */
const ONE_EXTRACT: SystemOptions = { atlas: { extractsPerDocument: () => 1 } };

const STATUSES: Fault[] = [
  // First: a 429 holds everyone for a second and more, and thereby takes longest.
  { rule: { fault: 429 }, batches: FEW },
  { rule: { fault: 429, retryAfter: '1' }, name: '429, Retry-After in seconds', batches: FEW },
  {
    rule: { fault: 429, retryAfter: '-5', body: 'empty' },
    name: '429, Retry-After negative',
    batches: FEW,
  },
  { rule: { fault: 429, retryAfter: 'soon' }, name: '429, Retry-After a word', batches: FEW },
  {
    rule: { fault: 429, retryAfter: 'Wed, 21 Oct 2015 07:28:00 GMT' },
    name: '429, Retry-After a date that has passed',
    batches: FEW,
  },
  ...([400, 404, 409, 413, 422] as const).map((fault) => ({
    rule: { fault, match: withToken },
    ends: REFUSED,
    system: ONE_EXTRACT,
  })),
  { rule: { fault: 401, match: withToken } },
  { rule: { fault: 403, match: withToken } },
  { rule: { fault: 302 } },
  { rule: { fault: 503 } },
  { rule: { fault: 503, body: 'html', retryAfter: '1' }, name: '503, Retry-After in seconds' },
  ...([500, 502, 504] as const).map((fault) => ({
    rule: { fault },
    ends: UNKNOWN,
    system: ONE_EXTRACT,
  })),
  {
    rule: { fault: 500, handled: true },
    name: '500, carried out',
    ends: UNKNOWN,
    system: ONE_EXTRACT,
  },
];

const CONNECTIONS: Fault[] = [
  {
    rule: { fault: 'expire-tokens' },
    name: 'expire-tokens, only the newest token',
    system: { atlas: { onlyNewestToken: true } },
  },
  { rule: { fault: 'hang' }, ends: UNKNOWN, system: QUICK, batches: FEW },
  { rule: { fault: 'hang-after' }, ends: UNKNOWN, system: QUICK, batches: FEW },
  { rule: { fault: 'reset-before' }, ends: UNKNOWN },
  { rule: { fault: 'reset-after' }, ends: UNKNOWN },
  { rule: { fault: 'cut-body' }, ends: UNKNOWN },
  { rule: { fault: 'slow', delayMs: 300 } },
  { rule: { fault: 'redirect' } },
  { rule: { fault: 'expire-tokens' } },
];

const RESPONSES: Fault[] = [
  { rule: { fault: 'html-200' }, ends: UNKNOWN },
  { rule: { fault: 'truncated-json' }, ends: UNKNOWN },
  {
    // An extract that is too large four times in a row is unreadable. Of a document with two the other
    // one counts, and the batch would complete without.
    rule: { fault: 'huge-body', bytes: 33 * 1024 * 1024 },
    ends: UNKNOWN,
    batches: FEW,
    system: { atlas: { extractsPerDocument: () => 1 } },
  },
  { rule: { fault: 'no-batch-id' }, ends: UNKNOWN },
  {
    // Who is told the id first holds it, also when it is not theirs: then nothing ever comes.
    rule: { fault: 'same-batch-id' },
    ends: ['ATLAS_PROTOCOL', 'INCOMPLETE'],
    system: { environment: { BATCH_DEADLINE_MS: LONG ? '60000' : '12000' } },
  },
  { rule: { fault: 'empty-page' } },
  { rule: { fault: 'wrong-page' } },
  { rule: { fault: 'endless' } },
  { rule: { fault: 'repeat-page' } },
  // More than a whole upload gives: totals with and without them must not be the same by chance.
  { rule: { fault: 'foreign-ids', count: 11 } },
  { rule: { fault: 'has-next-false' } },
  ...(['repeat-page', 'foreign-ids', 'has-next-false', 'endless'] as const).map((fault) => ({
    rule: { fault },
    name: `${fault} without total_items`,
    system: { atlas: { totalItems: false } },
  })),
];

/** What real services do, beyond the documentation. */
const READINGS: Fault[] = [
  ...(['no-file-data', 'null-file-data', 'empty-file-data', 'blank-ids'] as const).map((fault) => ({
    rule: { fault },
    // Of a document with two extracts the other one counts, and the batch completes without.
    system: { atlas: { extractsPerDocument: () => 1 } },
  })),
  ...(['comma', 'before', 'twice', 'string'] as const).map((flaw) => ({
    rule: { fault: 'nearly-json' as const, flaw },
    name: `nearly-json, ${flaw}`,
  })),
  ...([413, 422, 500, 'truncated-json'] as const).map((fault) => ({
    rule: { fault, endpoint: 'extracts' as const, match: holdsSecond },
    name: `${fault} on pages with the second extract`,
    // It may be unreadable four times in a row by chance.
    system: { atlas: { extractsPerDocument: () => 1 } },
  })),
  { rule: { fault: 'number-batch-id', long: true } },
  { rule: { fault: 'text-totals' } },
  { rule: { fault: 'total-too-high' } },
  { rule: { fault: 'one-page-more' } },
  { rule: { fault: 'one-page-more', status: 500 }, name: 'one-page-more, 500' },
  { rule: { fault: 'null-data' } },
  { rule: { fault: 'status-only' } },
  { rule: { fault: 202, endpoint: 'extracts' } },
  { rule: { fault: 204, endpoint: 'extracts', body: 'empty' } },
  { rule: { fault: 404, endpoint: 'extracts' }, name: '404 on extracts' },
  { rule: { fault: 404, endpoint: 'extracts', body: 'html' }, name: '404 as HTML on extracts' },
  { rule: { fault: 'compressed' } },
  { rule: { fault: 'charset', charset: 'utf-16le' } },
  { rule: { fault: 'compressed', unnamed: true }, name: 'compressed, unnamed' },
  { rule: { fault: 'charset', unnamed: true }, name: 'charset, unnamed' },
  { rule: { fault: 'compressed', encoding: 'br', mislabelled: true }, name: 'compressed in vain' },
  { rule: { fault: 'charset', mislabelled: true }, name: 'charset, mislabelled' },
  {
    // Of pages of several sizes a second extract may be on none, and then the total seems too high.
    rule: { fault: 'short-pages', count: 1 },
    system: { atlas: { extractsPerDocument: () => 1 } },
  },
  {
    // Without a total, nothing tells that a list has grown while it was read: here it comes as a whole.
    rule: { fault: 'last-page-again' },
    system: { atlas: { totalItems: false, completionMs: 200 } },
  },
  { rule: { fault: 'total-too-low' } },
  { rule: { fault: 'padded-ids' } },
  { rule: { fault: 'changed-ids' } },
  { rule: { fault: 'padded-batch-id' } },
  { rule: { fault: 'object-for-list' } },
];

/** What is not documented and is no fault either. */
const HABITS: { name: string; atlas: NonNullable<SystemOptions['atlas']> }[] = [
  { name: 'documents one by one, out of order', atlas: {} },
  { name: '404 for a batch just submitted', atlas: { notFoundForMs: 800 } },
  { name: 'an empty page for a batch just submitted', atlas: { emptyForMs: 800 } },
  { name: 'no total_items', atlas: { totalItems: false, extractsPerDocument: () => 2 } },
  { name: 'responses under data', atlas: { envelope: 'data' } },
  { name: 'smaller pages than asked for', atlas: { maxPerPage: 1 } },
  { name: 'tokens that expire in the middle', atlas: { tokenTtlMs: 400, onlyNewestToken: true } },
  {
    name: 'tokens that expire, which a gateway says',
    atlas: { tokenTtlMs: 400, tokenRefusal: 'html' },
  },
  { name: 'a rate limit', atlas: { maxRequestsPerSecond: 40, retryAfter: '1' } },
];

it.each([
  { kind: 'statuses', faults: STATUSES },
  { kind: 'connections and tokens', faults: CONNECTIONS },
  { kind: 'responses', faults: RESPONSES },
  { kind: 'readings', faults: READINGS },
])(
  'every batch ends rightly under each fault of $kind',
  {
    timeout: TEST_TIMEOUT_MS,
  },
  async ({ faults }) => {
    const trials = faults.flatMap((fault, i) => modesOf(i).map((mode) => ({ fault, mode })));
    await tryAll(
      trials,
      ({ fault, mode }) => `${fault.name ?? fault.rule.fault} ${mode}`,
      ({ fault, mode }, s3) => tryFault(s3, fault, mode),
    );
  },
);

it('every batch completes whatever the habits of Atlas', { timeout: TEST_TIMEOUT_MS }, async () => {
  await tryAll(
    HABITS,
    ({ name }) => name,
    ({ atlas }, s3) => tryHabit(s3, atlas),
  );
});

it.each([429, 503] as const)('no %i for years holds up a batch', async (fault) => {
  const system = await startSystem({ environment: { BATCH_DEADLINE_MS: '3000' } });
  await system.startWorker();
  await system.submit('warm', 1, 'warm-');
  await system.event('done-warm');
  system.atlas.setFaults({ rules: [{ fault, retryAfter: 'Fri, 31 Dec 2099 23:59:59 GMT' }] });
  await system.submit('held', 2);
  expect((await system.event('done-held')).data).toMatchObject({
    reason: { code: 'ATLAS_UNAVAILABLE' },
    batchIds: [],
  });
  expect(await system.redis.pttl(`${system.prefix}:requests-blocked`)).toBeLessThan(300_000);
});

it('a poll does not believe a last page that takes back what an earlier one announced', async () => {
  const system = await startSystem({
    atlas: { completionMs: 0, extractsPerDocument: () => 3 },
    environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
  });
  system.atlas.setFaults({
    rules: [{ fault: 'empty-page', match: ({ page }) => page === 2, times: 1 }],
  });
  await system.startWorker();
  const request = await system.submit('three', 1);
  expect((await system.event('done-three')).data).toMatchObject({ status: 'completed', polls: 2 });
  await expectStoredAsAtlasHasIt(system, [request]);
});

it('an extract that two pages hold, and write differently, is stored once', async () => {
  const contents = [1, 2, 3].map((number) => ({ fields: { name: `राजेश ${number}` } }));
  const system = await startSystem({
    atlas: { completionMs: 0, documents: () => contents },
    environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
  });
  system.atlas.setFaults({
    rules: [
      { fault: 'charset', match: ({ page }) => page === 1 },
      { fault: 'repeat-page', match: ({ page }) => page === 2 },
    ],
  });
  await system.startWorker();
  const request = await system.submit('written', 1);
  expect((await system.event('done-written')).data).toMatchObject({
    status: 'completed',
    polls: 1,
  });
  await expectStoredAsAtlasHasIt(system, [request]);
});

it('a poll does not believe a list without a total of which one page repeats another', async () => {
  const system = await startSystem();
  const item = (documentId: string, number: number) => ({
    document_id: documentId,
    file_data: { number },
  });
  let lied = false;
  const url = await startHostileAtlas((documentId, page) => {
    const lies = page === 2 && !lied;
    lied ||= lies;
    const shown = lies ? 1 : page;
    return { data: [item(documentId, shown)], page, total_pages: 3, has_next: page < 3 };
  });
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('repeated', 1);
  const { data } = await system.event('done-repeated');
  expect(data).toMatchObject({ status: 'completed', polls: 2 });
  const [document] = readResults(system, data.results[0] ?? '').documents;
  expect(document?.extracts).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
});

it('a poll reads everything again when the list of Atlas has shrunk', async () => {
  const system = await startSystem({
    atlas: {
      completionMs: ({ index }) => (index === 2 ? 3_600_000 : 0),
      extractsPerDocument: () => 1,
    },
    environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
  });
  system.atlas.setFaults({ rules: [{ fault: 'foreign-ids', count: 11 }] });
  await system.startWorker();
  const request = await system.submit('shrunk', 3);
  await waitUntil('a poll that read unexpected extracts', async () => {
    const [poll] = await system.pollJobs.getJobs();
    return poll !== undefined && (poll.progress as Partial<PollState>).present === 2;
  });
  system.atlas.clearFaults();
  system.atlas.completeNow();
  expect((await system.event('done-shrunk')).name).toBe('batch.completed');
  await expectStoredAsAtlasHasIt(system, [request]);
});
