import { expect, it } from 'vitest';
import { ids, startAtlas } from './atlas-caller.js';
import { rawExtracts } from './raw-extracts.js';

it('the pages of a batch hold exactly the extracts of its truth', async () => {
  const { atlas, caller } = await startAtlas({ completionMs: ({ random }) => -random() });
  const batchId = await caller.submit(ids(120));
  const pages = await caller.pages(batchId, 25);
  const items = pages.flatMap(({ data }) => data);
  const truth = new Map(
    atlas.truth(batchId).map(({ documentId, extracts }) => [documentId, extracts]),
  );
  const total = [...truth.values()].flat().length;
  expect(total).toBeGreaterThan(120);
  expect(items).toHaveLength(total);
  for (const [documentId, extracts] of truth) {
    expect(
      items.filter((item) => item.document_id === documentId).map((item) => item.file_data),
    ).toEqual(extracts.map((raw) => JSON.parse(raw)));
  }
  expect(pages.map((page) => page.page)).toEqual(pages.map((_, index) => index + 1));
  expect(pages.map((page) => page.has_prev)).toEqual(pages.map((_, index) => index > 0));
  for (const page of pages) {
    expect(page).toMatchObject({
      per_page: 25,
      total_items: total,
      total_pages: Math.ceil(total / 25),
    });
  }
  expect(items.map((item) => item.document_id)).not.toEqual(
    items.map((item) => item.document_id).sort(),
  );
});

it('each extract is sent as raw text, with numbers that doubles lose', async () => {
  const { atlas, caller } = await startAtlas();
  const batchId = await caller.submit(ids(40));
  const { text } = await caller.extracts(batchId);
  const raw = atlas.truth(batchId).flatMap(({ extracts }) => extracts);
  expect(rawExtracts(text)).toEqual(raw.slice(0, 50));
  for (const extract of raw) {
    expect(JSON.stringify(JSON.parse(extract))).not.toBe(extract);
    expect(extract).toMatch(/:\d{20}[,}]/);
    expect(extract).toContain('1.10');
  }
  const types = raw.map((extract) => JSON.parse(extract).document_type);
  expect(new Set(types)).toEqual(new Set(['PAN', 'AADHAAR', 'BANK_STATEMENT']));
  expect(text).toMatch(/\p{Script=Devanagari}/u);
});

it('the same seed makes the same extracts, and another seed others', async () => {
  const texts = async (seed: number) => {
    const { atlas, caller } = await startAtlas({ seed });
    return atlas.truth(await caller.submit(ids(20))).map(({ extracts }) => extracts);
  };
  expect(await texts(7)).toEqual(await texts(7));
  expect(await texts(7)).not.toEqual(await texts(8));
});

it('both names of the page parameter work, but not for two different pages', async () => {
  const { caller } = await startAtlas({ extractsPerDocument: () => 1 });
  const batchId = await caller.submit(ids(5));
  const read = async (query: string) => {
    const { status, body } = await caller.extracts(batchId, `&per_page=2${query}`);
    return status === 200 ? [body.page, body.data.length] : status;
  };
  expect(await read('')).toEqual([1, 2]);
  expect(await read('&page=3')).toEqual([3, 1]);
  expect(await read('&pageNo=2')).toEqual([2, 2]);
  expect(await read('&pageNo=2&page=2')).toEqual([2, 2]);
  expect(await read('&pageNo=2&page=1')).toBe(400);
  expect(await read('&page=0')).toBe(400);
  expect(await read('&page=x')).toBe(400);
  expect(await read('&page=9')).toEqual([9, 0]);
});

it('pages can be smaller than they are asked for', async () => {
  const { caller } = await startAtlas({ maxPerPage: 3, extractsPerDocument: () => 1 });
  const { body } = await caller.extracts(await caller.submit(ids(5)), '&per_page=50');
  expect(body).toMatchObject({ per_page: 3, total_pages: 2, has_next: true });
  expect(body.data).toHaveLength(3);
});

it('total_items can be left out of pages', async () => {
  const { caller } = await startAtlas({ totalItems: false });
  const { body } = await caller.extracts(await caller.submit(ids(2)));
  expect(body).not.toHaveProperty('total_items');
});

it('documents appear one by one, in the order of their times', async () => {
  const HOUR_MS = 3_600_000;
  const { atlas, caller } = await startAtlas({
    completionMs: ({ documentId }) => ({ '003': -2, '001': -1, '002': HOUR_MS })[documentId] ?? 0,
    extractsPerDocument: () => 1,
  });
  const batchId = await caller.submit(ids(3));
  const seen = async () => (await caller.extracts(batchId)).body;
  const early = await seen();
  expect(early.data.map((item) => item.document_id)).toEqual(['003', '001']);
  expect(early).toMatchObject({ total_items: 2, has_next: false });
  atlas.completeNow(batchId);
  expect((await seen()).data.map((item) => item.document_id)).toEqual(['003', '001', '002']);
});

it('a document that never arrives is on no page', async () => {
  const { atlas, caller } = await startAtlas({
    neverArrives: (documentId) => documentId === '002',
    extractsPerDocument: () => 2,
  });
  const batchId = await caller.submit(ids(3));
  atlas.completeNow();
  const { body } = await caller.extracts(batchId);
  expect(body.data.map((item) => item.document_id)).toEqual(['001', '001', '003', '003']);
  expect(atlas.truth(batchId)[1]).toEqual({ documentId: '002', extracts: [] });
});

it('the same seed brings the same times, and the documents of a batch share one stream', async () => {
  const draw = async () => {
    const drawn: number[][] = [];
    const { caller } = await startAtlas({
      completionMs: ({ random, batchRandom }) => {
        drawn.push([random(), batchRandom()]);
        return 0;
      },
    });
    await caller.submit(ids(3));
    await caller.submit(ids(3));
    return drawn;
  };
  const first = await draw();
  expect(await draw()).toEqual(first);
  expect(new Set(first.map(([own]) => own)).size).toBe(6);
  expect(new Set(first.map(([, shared]) => shared)).size).toBe(2);
});

it('a young batch can be unknown, or known and empty', async () => {
  const HOUR_MS = 3_600_000;
  const unknown = await startAtlas({ notFoundForMs: HOUR_MS });
  const batchId = await unknown.caller.submit(ids(2));
  expect((await unknown.caller.extracts(batchId)).status).toBe(404);
  const empty = await startAtlas({ emptyForMs: HOUR_MS });
  const { status, body } = await empty.caller.extracts(await empty.caller.submit(ids(2)));
  expect([status, body.data, body.total_items]).toEqual([200, [], 0]);
});

it('the oldest batches beyond the bound are forgotten', async () => {
  const { atlas, caller } = await startAtlas({ retainBatches: 2 });
  const batchIds = [
    await caller.submit(ids(1)),
    await caller.submit(ids(1)),
    await caller.submit(ids(1)),
  ];
  expect([...atlas.batches()].map(({ batchId }) => batchId)).toEqual(batchIds.slice(1));
  expect((await caller.extracts(batchIds[0] ?? '')).status).toBe(404);
});
