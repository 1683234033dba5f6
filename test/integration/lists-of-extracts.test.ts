/** What a list of extracts may say of itself and of its pages: each of these was an incident somewhere. */
import { describe, expect, it } from 'vitest';
import type { AtlasFaultRule } from '../../src/simulator/index.js';
import { endOf, ITEM, sendUnder } from '../helpers/faulty-batch.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { startSystem } from '../helpers/system.js';

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

it('an extract that two pages of a list in no fixed order show does not stand for one that neither shows', async () => {
  const list = [1, 2, 3].map((number) => ({ ...ITEM, file_data: { number } }));
  const [one, two, three] = list;
  // Each of the first readings shows another one twice, and as many in all.
  const readings = [
    [[one, two], [two]],
    [[one, three], [three]],
    [[one, two], [three]],
  ];
  let reads = 0;
  const url = await startHostileAtlas((_, page) => {
    if (page === 1) reads += 1;
    const data = readings[Math.min(reads, readings.length) - 1]?.[page - 1] ?? [];
    return { data, page, per_page: 2, total_items: 3, has_next: page === 1 };
  });
  const system = await startSystem({ environment: { ATLAS_EXTRACTS_PER_PAGE: '2' } });
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('loan', 1);
  const { data, stored } = await endOf(system);
  expect(data).toMatchObject({ status: 'completed', polls: 3 });
  expect(stored[0]?.documents[0]?.extracts).toEqual(list.map(({ file_data: data }) => data));
});

it('extracts that two pages hold for good are believed at the second poll', async () => {
  const list = [1, 2, 2].map((number) => ({ ...ITEM, file_data: { number } }));
  const url = await startHostileAtlas((_, page) => ({
    data: page === 1 ? list.slice(0, 2) : list.slice(2),
    ...{ page, per_page: 2, total_items: 3, has_next: page === 1 },
  }));
  const system = await startSystem({ environment: { ATLAS_EXTRACTS_PER_PAGE: '2' } });
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('loan', 1);
  expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 2 });
});

describe('not ready', () => {
  it.each([
    { fault: 202, body: 'empty' },
    { fault: 202 },
    { fault: 204, body: 'empty' },
    { fault: 200, body: 'empty' },
    { fault: 'null-data' },
    { fault: 'status-only' },
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

  it('a page that follows without a total, and is gone for a moment, is read at the next poll', async () => {
    const system = await sendUnder(
      [{ fault: 404, endpoint: 'extracts', match: ({ page = 1 }) => page > 1, times: 1 }],
      {
        atlas: { completionMs: 0, totalItems: false, extractsPerDocument: () => 2 },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '9' },
      },
    );
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', polls: 2 });
    const extracts = stored.flatMap(({ documents }) => documents.flatMap((one) => one.extracts));
    expect(extracts).toHaveLength(10);
  });

  it('a 404 of a page that should be there is no 404 of the batch', async () => {
    const rule: AtlasFaultRule = { fault: 404, match: ({ page = 1 }) => page > 1, times: 3 };
    const system = await sendUnder([rule], { environment: { ATLAS_EXTRACTS_PER_PAGE: '2' } });
    const { data, uploads } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(uploads).toBe(1);
  });
});

describe('pages that are counted from 0', () => {
  it.each([
    { name: 'that fits a page, by an Atlas that counts from 0', firstPage: 0, perPage: 50 },
    { name: 'of many pages, by an Atlas that counts from 0', firstPage: 0, perPage: 2 },
    { name: 'of many pages, which Atlas numbers from 0', saidFirstPage: 0, perPage: 2 },
    {
      name: 'without a total, by an Atlas that counts from 0',
      firstPage: 0,
      perPage: 2,
      totalItems: false,
    },
  ] as const)('a list $name, is read', async ({ name: _, perPage, ...atlas }) => {
    const system = await sendUnder([], {
      atlas: { completionMs: 0, ...atlas },
      environment: { ATLAS_EXTRACTS_PER_PAGE: String(perPage) },
    });
    const { data, uploads } = await endOf(system);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5, sent: 5 } });
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
