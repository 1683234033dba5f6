/** What Atlas may answer to a poll, beyond its documentation: each of these was an incident somewhere. */
import { describe, expect, it } from 'vitest';
import type { PollState } from '../../src/jobs/poll-state.js';
import type { AtlasFaultRule, AtlasRequestView } from '../../src/simulator/index.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { readResults } from '../helpers/invariants.js';
import { type System, type SystemOptions, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const ITEM = { document_id: '001', file_data: { document_type: 'PAN' } };
const ALL_AT_ONCE = { completionMs: 0, extractsPerDocument: () => 1 };

interface Stored {
  documents: { documentId: string; extracts: Record<string, unknown>[] }[];
  missing: string[];
  unreadable: { documentId: string | null; reason: string }[];
}

async function sendUnder(
  rules: AtlasFaultRule[],
  { documents = 5, ids, ...options }: SystemOptions & { documents?: number; ids?: string[] } = {},
): Promise<System> {
  const system = await startSystem({ ...options, atlas: { ...ALL_AT_ONCE, ...options.atlas } });
  system.atlas.setFaults({ rules });
  await system.startWorker();
  const request = await system.request('loan', ids?.length ?? documents);
  if (ids)
    for (const [i, document] of request.documents.entries()) document.documentId = ids[i] ?? '';
  await system.add(request);
  return system;
}

async function endOf(system: System) {
  const { data } = await system.event('done-loan');
  const stored = data.results.map((uri) => readResults(system, uri) as unknown as Stored);
  return { data, stored, uploads: system.atlas.requests.count('multiupload') };
}

const SOON = { environment: { BATCH_DEADLINE_MS: '2000', RESUBMIT_MISSING: '0' } };

describe('one bad item', () => {
  it.each([
    ['no-file-data', '001', 'it has no file_data'],
    ['null-file-data', '001', 'its file_data is null'],
    ['empty-file-data', '001', 'its file_data is empty'],
    ['blank-ids', null, 'its document_id is not printable text'],
  ] as const)(
    'an item of five with the fault %s costs that item only',
    async (fault, documentId, reason) => {
      const system = await sendUnder([{ fault }], SOON);
      const { data, stored } = await endOf(system);
      expect(data).toMatchObject({
        reason: { code: 'INCOMPLETE' },
        documents: { total: 5, present: 4, missing: ['001'] },
      });
      expect(stored).toMatchObject([{ missing: ['001'], unreadable: [{ documentId, reason }] }]);
      expect(stored[0]?.documents).toHaveLength(4);
    },
  );

  it('a NaN becomes null and is noted, and the batch completes', async () => {
    const { data, stored } = await endOf(await sendUnder([{ fault: 'not-a-number' }]));
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(stored[0]?.documents[0]?.extracts[0]).toMatchObject({ quality: null });
    expect(stored[0]?.unreadable).toEqual([
      { documentId: '001', reason: 'it held a NaN or Infinity, which became null' },
    ]);
  });

  it.each([
    { fault: 'null-file-data', times: 2 },
    { fault: 'huge-body', bytes: 33 * 1024 * 1024, endpoint: 'extracts', times: 2 },
  ] as AtlasFaultRule[])(
    'a second extract of a document that cannot be read at first (%j) is not lost',
    async (rule) => {
      const system = await sendUnder([rule], {
        documents: 1,
        atlas: { extractsPerDocument: () => 2 },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
      });
      const { data, stored } = await endOf(system);
      expect(data.status).toBe('completed');
      expect(stored[0]?.documents[0]?.extracts).toHaveLength(2);
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it('what one poll can read and another cannot is not lost, however long that lasts', async () => {
    let polls = 0;
    const bad = ({ page }: AtlasRequestView) => {
      if (page === 1) polls += 1;
      return page === 1 + (polls % 2) && polls < 12;
    };
    const system = await sendUnder([{ fault: 'null-file-data', match: bad }], {
      documents: 1,
      atlas: { extractsPerDocument: () => 3 },
      environment: { ATLAS_EXTRACTS_PER_PAGE: '1' },
    });
    const { data, stored } = await endOf(system);
    expect(data.status).toBe('completed');
    expect(stored[0]?.documents[0]?.extracts).toHaveLength(3);
    expect(stored[0]?.unreadable).toEqual([]);
  });

  it('an extract that is too large alone costs that extract only', async () => {
    const system = await sendUnder(
      [{ fault: 'huge-body', bytes: 33 * 1024 * 1024, match: ({ page }) => page === 2 }],
      { ...SOON, environment: { ...SOON.environment, ATLAS_EXTRACTS_PER_PAGE: '2' } },
    );
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({
      reason: { code: 'INCOMPLETE' },
      documents: { total: 5, present: 4, missing: ['002'] },
    });
    expect(stored[0]?.unreadable).toEqual([
      { documentId: null, reason: expect.stringContaining('extract 2 of the list') },
    ]);
  });

  it.each([
    { fault: 413 },
    { fault: 413, body: 'html' },
    { fault: 400 },
    { fault: 422 },
    { fault: 500 },
    { fault: 504, body: 'html' },
    { fault: 'html-200' },
    { fault: 'truncated-json' },
    { fault: 'cut-body' },
    { fault: 'hang' },
    { fault: 'huge-body', bytes: 33 * 1024 * 1024 },
  ] as AtlasFaultRule[])(
    'an extract for which its page is never given (%j) costs that extract only',
    async (rule) => {
      const holdsThird = ({ page = 1, perPage = 50 }: AtlasRequestView) =>
        Math.ceil(3 / perPage) === page;
      const system = await sendUnder([{ ...rule, endpoint: 'extracts', match: holdsThird }], {
        documents: 6,
        atlas: { extractsPerDocument: () => 2 },
        environment: { ATLAS_TIMEOUT_MS: '1000', ATLAS_EXTRACTS_PER_PAGE: '8' },
      });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 6 } });
      expect(uploads).toBe(1);
      const kept = stored[0]?.documents.map(({ extracts }) => extracts.length);
      expect(kept).toEqual([2, 1, 2, 2, 2, 2]);
      expect(stored[0]?.unreadable).toEqual([
        { documentId: null, reason: expect.stringContaining('extract 3 of the list') },
      ]);
    },
  );

  it.each([500, 422] as const)(
    'the first extract of a list longer than a page, with which nothing is given (%i), costs itself only',
    async (fault) => {
      const match = ({ page }: AtlasRequestView) => page === 1;
      const system = await sendUnder([{ fault, endpoint: 'extracts', match }], {
        documents: 6,
        atlas: { extractsPerDocument: () => 2 },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '4' },
      });
      const { data, stored } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 6 } });
      expect(stored[0]?.documents.map(({ extracts }) => extracts.length)).toEqual([
        ...[1, 2, 2, 2, 2, 2],
      ]);
    },
  );

  it.each([500, 400, 'html-200'] as const)(
    'an Atlas of which no page can be read for a while (%s) loses nothing',
    async (fault) => {
      const system = await sendUnder([{ fault, endpoint: 'extracts', times: 60 }], {
        documents: 6,
        environment: { ATLAS_EXTRACTS_PER_PAGE: '4' },
      });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 6 } });
      expect(uploads).toBe(1);
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it('documents whose ids come back filled up with blanks are present', async () => {
    const { data, stored } = await endOf(await sendUnder([{ fault: 'padded-ids' }]));
    expect(data).toMatchObject({ status: 'completed', polls: 1 });
    expect(stored).toMatchObject([{ missing: [], unexpected: [], unreadable: [] }]);
  });

  it('a document that comes as an object instead of a list is present', async () => {
    const system = await sendUnder([{ fault: 'object-for-list' }], { documents: 1 });
    expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 1 });
  });

  it('documents whose ids come back as numbers are present', async () => {
    const ids = ['1', '22', '007', '9007199254740993'];
    const system = await sendUnder([{ fault: 'number-ids' }], { ids });
    const { data, stored } = await endOf(system);
    expect(data.status).toBe('completed');
    expect(stored).toMatchObject([{ missing: [], unexpected: [], unreadable: [] }]);
  });

  it('healthy batches are not held up by one whose answers cannot be read', async () => {
    const system = await startSystem({ atlas: ALL_AT_ONCE });
    await system.startWorker();
    await system.submit('sick', 1, 'sick-');
    const [{ batchId } = { batchId: '' }] = await waitUntil('the upload', () =>
      system.atlas.uploads().length > 0 ? system.atlas.uploads() : null,
    );
    system.atlas.setFaults({
      rules: [{ fault: 'truncated-json', match: (r) => r.batchId === batchId }],
    });
    await waitUntil('many unreadable answers', () => system.atlas.requests.count('extracts') > 12);
    const before = system.atlas.requests.count('extracts');
    await system.submit('well', 1, 'well-');
    expect((await system.event('done-well')).data.status).toBe('completed');
    expect(system.atlas.requests.count('extracts') - before).toBeLessThan(30);
  });
});

describe('odd totals', () => {
  it('totals, page and has_next that are text are understood', async () => {
    const system = await sendUnder([{ fault: 'text-totals' }], {
      environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
    });
    expect((await endOf(system)).data.status).toBe('completed');
  });

  it('a total that stays one too low, of more documents than a page holds, is not believed for long', async () => {
    const system = await sendUnder([{ fault: 'total-too-low' }], {
      environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
    });
    const { data, uploads } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(data.polls).toBeLessThan(8);
    expect(uploads).toBe(1);
  });

  it('a total that is too high, with a 404 for the page that it promises, is not waited for', async () => {
    const system = await sendUnder(
      [
        { fault: 404, endpoint: 'extracts', match: ({ page = 1 }) => page > 1 },
        { fault: 'total-too-high' },
      ],
      { environment: { ATLAS_EXTRACTS_PER_PAGE: '5' } },
    );
    expect((await endOf(system)).data).toMatchObject({ status: 'completed' });
  });

  it('a total that stays one too high holds the batch up for a few polls only', async () => {
    const system = await sendUnder([{ fault: 'total-too-high' }]);
    const { data } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(data.polls).toBeLessThan(6);
  });
});

describe('not ready', () => {
  it.each([
    { fault: 202, body: 'empty' },
    { fault: 202 },
    { fault: 204, body: 'empty' },
    { fault: 200, body: 'empty' },
    { fault: 'null-data' },
    { fault: 404 },
  ] as AtlasFaultRule[])(
    'an upload that is not ready as %j is polled again, once per poll',
    async (rule) => {
      const system = await sendUnder([{ ...rule, endpoint: 'extracts', times: 3 }]);
      const { data, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', polls: 4 });
      expect(system.atlas.requests.count('extracts')).toBe(4);
      expect(uploads).toBe(1);
    },
  );
});

describe('pages after the last', () => {
  it.each([
    { fault: 'one-page-more', status: 404 },
    { fault: 'one-page-more', status: 416 },
    { fault: 'one-page-more', status: 400 },
    { fault: 'one-page-more', status: 500 },
    { fault: 'last-page-again' },
    { fault: 'endless' },
  ] as AtlasFaultRule[])(
    'the list ends where everything announced has come, whatever is answered beyond (%j)',
    async (rule) => {
      const system = await sendUnder([rule], { environment: { ATLAS_EXTRACTS_PER_PAGE: '5' } });
      const { data, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', polls: 1 });
      expect(uploads).toBe(1);
    },
  );

  it.each([404, 416, 500] as const)(
    'a %i after a full last page without a total is the end of the list',
    async (status) => {
      const system = await sendUnder([{ fault: 'one-page-more', status }], {
        atlas: { totalItems: false },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '5' },
      });
      expect((await endOf(system)).data.status).toBe('completed');
    },
  );

  it('a 404 of a page that should be there is no 404 of the batch', async () => {
    const rule: AtlasFaultRule = { fault: 404, match: ({ page = 1 }) => page > 1, times: 3 };
    const system = await sendUnder([rule], { environment: { ATLAS_EXTRACTS_PER_PAGE: '2' } });
    const { data, uploads } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(uploads).toBe(1);
  });
});

describe('pages of another size than asked for', () => {
  it.each([1, 2] as const)(
    'pages of %i extracts that say nothing of others but the total are all read',
    async (count) => {
      const system = await sendUnder([{ fault: 'short-pages', count }], {
        atlas: { extractsPerDocument: () => 2 },
      });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 5 }, polls: 1 });
      expect(stored[0]?.documents.map(({ extracts }) => extracts.length)).toEqual([2, 2, 2, 2, 2]);
      expect(uploads).toBe(1);
    },
  );

  it('short pages that say nothing of others at all are read while documents are missing', async () => {
    const system = await sendUnder([{ fault: 'short-pages' }], { atlas: { totalItems: false } });
    const { data, uploads } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(uploads).toBe(1);
  });

  it('a list that is longer than the page asked for, and the same on every page, is the whole list', async () => {
    const system = await startSystem({ environment: { ATLAS_EXTRACTS_PER_PAGE: '2' } });
    const items = [1, 2, 3].map((number) => ({ ...ITEM, file_data: { number } }));
    await system.startWorker({ ATLAS_BASE_URL: await startHostileAtlas(() => ({ data: items })) });
    await system.submit('loan', 1);
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', polls: 1 });
    expect(stored[0]?.documents[0]?.extracts).toHaveLength(3);
  });

  it('an Atlas that always gives the first page is not taken for one with bad extracts', async () => {
    const system = await startSystem({ environment: { ATLAS_EXTRACTS_PER_PAGE: '2' } });
    const list = [1, 2, 3].map((number) => ({ ...ITEM, file_data: { number } }));
    const first = { data: list.slice(0, 2), page: 1, per_page: 2, total_items: 3, has_next: true };
    const url = await startHostileAtlas(() => first);
    await system.startWorker({ ATLAS_BASE_URL: url, BATCH_DEADLINE_MS: '2000' });
    await system.submit('loan', 1);
    const { data } = await endOf(system);
    expect(data.reason).toMatchObject({
      code: 'ATLAS_PROTOCOL',
      message: expect.stringContaining('another page'),
    });
  });

  it.each([
    { documents: 5, ends: 'completed' },
    // A page that was never seen may have the missing one.
    { documents: 6, ends: 'ATLAS_PROTOCOL' },
  ])(
    'a list without a total that ends in its last page again and again: $ends, of $documents documents',
    async ({ documents, ends }) => {
      const system = await sendUnder([{ fault: 'last-page-again' }], {
        documents,
        atlas: { totalItems: false, neverArrives: (id) => id === '006' },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '5', BATCH_DEADLINE_MS: '4000' },
      });
      const { data, uploads } = await endOf(system);
      expect(data.reason?.code ?? data.status).toBe(ends);
      expect(uploads).toBe(1);
    },
  );
});

describe('the body', () => {
  it.each(['comma', 'mark', 'before', 'after', 'twice', 'string'] as const)(
    'responses that are JSON but for a flaw (%s) are read, and nothing is sent twice for them',
    async (flaw) => {
      const system = await sendUnder([{ fault: 'nearly-json', flaw }], { documents: 12 });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 12 }, polls: 1 });
      expect(uploads).toBe(1);
      const truth = system.atlas.truth(data.batchIds[0] ?? '');
      expect(stored[0]?.documents.map(({ extracts }) => extracts)).toEqual(
        truth.map(({ extracts }) => extracts.map((raw) => JSON.parse(raw))),
      );
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it.each(['gzip', 'deflate', 'br'] as const)(
    'a page in %s that nobody asked for is read',
    async (encoding) => {
      const system = await sendUnder([{ fault: 'compressed', encoding }]);
      expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 1 });
    },
  );

  it('a page that is compressed without a word of it is read', async () => {
    const system = await sendUnder([{ fault: 'compressed', unnamed: true }]);
    expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 1 });
  });

  it.each([
    { fault: 'compressed', encoding: 'br' },
    { fault: 'charset', charset: 'iso-8859-1' },
  ] as AtlasFaultRule[])(
    'responses that are not what their headers say (%j) are read, and nothing is sent twice for them',
    async (rule) => {
      const system = await sendUnder([{ ...rule, mislabelled: true }], { documents: 40 });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 40 } });
      expect(uploads).toBe(1);
      const truth = system.atlas.truth(data.batchIds[0] ?? '');
      expect(stored[0]?.documents.map(({ extracts }) => extracts)).toEqual(
        truth.map(({ extracts }) => extracts.map((raw) => JSON.parse(raw))),
      );
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it('a page whose charset nobody names is read as windows-1252, which is noted where it matters', async () => {
    const system = await sendUnder([{ fault: 'charset', unnamed: true }], { documents: 40 });
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 40 } });
    const text = JSON.stringify(stored[0]?.documents);
    expect(text).toContain('Zoë');
    const noted = new Set(stored[0]?.unreadable.map(({ documentId }) => documentId));
    const odd = stored[0]?.documents.filter((one) => /Zoë|Müller/.test(JSON.stringify(one)));
    expect(odd?.length).toBeGreaterThan(0);
    expect(odd?.filter(({ documentId }) => !noted.has(documentId))).toEqual([]);
    expect(noted.size).toBeLessThan(40);
  });

  it.each(['iso-8859-1', 'windows-1252', 'utf-16le'] as const)(
    'a page in %s is read',
    async (charset) => {
      const system = await sendUnder([{ fault: 'charset', charset }]);
      const { data, stored } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', polls: 1 });
      const truth = system.atlas.truth(data.batchIds[0] ?? '');
      expect(stored[0]?.documents.map(({ extracts }) => extracts)).toEqual(
        truth.map(({ extracts }) => extracts.map((raw) => JSON.parse(raw))),
      );
    },
  );

  it('a page that is too large is asked for again with half as many, which the upload remembers', async () => {
    const system = await sendUnder([{ fault: 'huge-extracts', bytes: 900 * 1024 }], {
      documents: 60,
    });
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 60 } });
    expect(stored[0]?.documents).toHaveLength(60);
    // The count, a page of 50, a page of 25, and the two after it.
    expect(system.atlas.requests.count('extracts')).toBeLessThanOrEqual(7);
  });

  it.each([200, 404, 403, 500] as const)(
    "a web page with status %i on extracts is a gateway's, and passes",
    async (fault) => {
      const rule: AtlasFaultRule = { fault, endpoint: 'extracts', body: 'html', times: 4 };
      const system = await sendUnder([rule]);
      const { data, uploads } = await endOf(system);
      expect(data.status).toBe('completed');
      expect(uploads).toBe(1);
      expect(system.atlas.requests.count('authtoken')).toBe(1);
    },
  );
});

it.each([
  [{}, '30732'],
  [{ long: true }, '9007199254740993'],
])('an Atlas batch whose id is a number (%j) is polled under it', async (size, batchId) => {
  const { data, uploads } = await endOf(await sendUnder([{ fault: 'number-batch-id', ...size }]));
  expect(data).toMatchObject({ status: 'completed', batchIds: [batchId] });
  expect(uploads).toBe(1);
});

it('an Atlas batch whose id is the number 0 is polled under it', async () => {
  const system = await startSystem();
  const url = await startHostileAtlas(() => ({ data: [ITEM], page: 1, has_next: false }), 0);
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('loan', 1);
  const { data } = await endOf(system);
  expect(data).toMatchObject({ status: 'completed', batchIds: ['0'] });
});

it('polls keep an upload alive when the deadline is raised in an outage', async () => {
  const system = await startSystem({ atlas: ALL_AT_ONCE });
  const short = { BATCH_DEADLINE_MS: '1500' };
  const worker = await system.startWorker(short);
  system.atlas.setFaults({ rules: [{ fault: 503, endpoint: 'extracts' }] });
  await system.submit('loan', 2);
  await waitUntil('a poll in the outage', async () => {
    const [poll] = await system.pollJobs.getJobs();
    return (poll?.progress as Partial<PollState> | undefined)?.errorStreak !== undefined;
  });
  await worker.stop();
  await system.startWorker({ BATCH_DEADLINE_MS: '60000' });
  await waitUntil(
    'the old deadline',
    () => performance.now() - (system.atlas.uploads()[0]?.at ?? 0) > 2000,
  );
  system.atlas.clearFaults();
  const { data, uploads } = await endOf(system);
  expect(data.status).toBe('completed');
  expect(uploads).toBe(1);
});
