import { describe, expect, it } from 'vitest';
import type { AtlasFaultKind, AtlasFaultRule } from '../../../src/simulator/index.js';
import { type AtlasCaller, ids, startAtlas } from './atlas-caller.js';

/** An Atlas with one complete batch, which then meets these faults. */
async function startWithBatch(documents: number, ...rules: AtlasFaultRule[]) {
  const { atlas, caller } = await startAtlas({ extractsPerDocument: () => 1 });
  const batchId = await caller.submit(ids(documents));
  atlas.setFaults({ rules });
  return { atlas, caller, batchId };
}

const documentsOf = ({ data }: { data: { document_id: string }[] }) =>
  data.map((item) => item.document_id);

describe('responses instead of Atlas', () => {
  it.each([400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504] as const)(
    'the status fault %i has the body and the Retry-After of its rule',
    async (fault) => {
      const { atlas, caller, batchId } = await startWithBatch(
        2,
        { fault, times: 1 },
        { fault, times: 1, body: 'html', retryAfter: 'Fri, 31 Dec 2099 23:59:59 GMT' },
        { fault, times: 1, body: 'empty', retryAfter: '-1' },
      );
      const [json, html, empty] = [
        await caller.upload(ids(1)),
        await caller.upload(ids(1)),
        await caller.upload(ids(1)),
      ];
      expect([json.status, html.status, empty.status]).toEqual([fault, fault, fault]);
      expect(json.body).toMatchObject({ message: expect.any(String) });
      expect(json.headers.get('retry-after')).toBeNull();
      expect(html.text).toContain('<html>');
      expect(html.headers.get('retry-after')).toBe('Fri, 31 Dec 2099 23:59:59 GMT');
      expect(empty.text).toBe('');
      expect(empty.headers.get('retry-after')).toBe('-1');
      expect([...atlas.batches()]).toHaveLength(1);
      expect((await caller.extracts(batchId)).status).toBe(200);
    },
  );

  it('a status fault can come after the request was carried out', async () => {
    const { atlas, caller } = await startWithBatch(1, { fault: 502, handled: true });
    expect((await caller.upload(['late'])).status).toBe(502);
    expect(atlas.uploads().map(({ answered }) => answered)).toEqual([true, false]);
  });

  it('the fault html-200 answers with a web page and status 200', async () => {
    const { atlas, caller } = await startWithBatch(1, { fault: 'html-200' });
    const response = await caller.upload(ids(1));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(atlas.uploads()).toHaveLength(1);
  });

  it('the fault redirect answers with a location', async () => {
    const { caller, batchId } = await startWithBatch(1, { fault: 'redirect', location: '/else' });
    const response = await caller.extracts(batchId);
    expect([response.status, response.headers.get('location')]).toEqual([302, '/else']);
  });

  it('the fault huge-body streams a body larger than any limit', async () => {
    const bytes = 300_000;
    const { atlas, caller, batchId } = await startWithBatch(1, { fault: 'huge-body', bytes });
    const response = await caller.extracts(batchId);
    expect(response.text).toHaveLength(bytes);
    expect(response.body).toBeUndefined();
    expect(atlas.bytesSent('extracts')).toBe(bytes);
  });

  it('the fault expire-tokens ends all tokens', async () => {
    const { caller, batchId } = await startWithBatch(1, { fault: 'expire-tokens', times: 1 });
    expect((await caller.extracts(batchId)).status).toBe(401);
    await caller.logIn();
    expect((await caller.extracts(batchId)).status).toBe(200);
  });
});

describe('the connection', () => {
  const taken = async (fault: AtlasFaultKind) => {
    const { atlas, caller } = await startWithBatch(1, { fault, times: 1 });
    const response = await caller.upload(['x']).catch((error: Error) => error);
    return { atlas, response, uploads: atlas.uploads().slice(1) };
  };

  it('reset-before cuts the connection before the request is carried out', async () => {
    const { response, uploads } = await taken('reset-before');
    expect(response).toBeInstanceOf(Error);
    expect(uploads).toEqual([]);
  });

  it.each(['reset-after', 'cut-body'] as const)(
    'the connection is cut after the request was carried out (%s)',
    async (fault) => {
      const { atlas, response, uploads } = await taken(fault);
      expect(response).toBeInstanceOf(Error);
      expect(uploads).toMatchObject([{ documentIds: ['x'], answered: false }]);
      expect([...atlas.batches()]).toHaveLength(2);
      expect(atlas.requests.count('multiupload', 0)).toBe(1);
    },
  );

  it.each([
    ['hang', 0],
    ['hang-after', 1],
  ] as const)(
    'a connection that is never answered (%s) is closed by stop',
    async (fault, uploads) => {
      const { atlas, caller } = await startWithBatch(1, { fault });
      const decided = new Promise<void>((resolve) => {
        atlas.requests.onRequest(() => resolve());
      });
      const response = expect(caller.upload(['x'])).rejects.toThrow();
      await decided;
      expect(atlas.uploads()).toHaveLength(1 + uploads);
      await atlas.stop();
      await response;
    },
  );

  it('the fault slow delays the response', async () => {
    const { atlas, caller, batchId } = await startWithBatch(1, { fault: 'slow', delayMs: 5 });
    expect((await caller.extracts(batchId)).status).toBe(200);
    expect(atlas.faultsFired()).toEqual({ slow: 1 });
  });

  it('a slow response ends with stop', async () => {
    const HOUR_MS = 3_600_000;
    const { atlas, caller } = await startWithBatch(1, { fault: 'slow', delayMs: HOUR_MS });
    const response = expect(caller.upload(['x'])).rejects.toThrow();
    while (atlas.uploads().length < 2) await new Promise(setImmediate);
    await atlas.stop();
    await response;
  });
});

describe('uploads', () => {
  it('an upload can be accepted without an id in the response', async () => {
    const { atlas, caller } = await startWithBatch(1, { fault: 'no-batch-id' });
    const response = await caller.upload(['x']);
    expect([response.status, response.body]).toEqual([200, { status: 'ok' }]);
    expect(atlas.uploads()[1]).toMatchObject({ documentIds: ['x'], answered: false });
  });

  it('an upload can be answered with the id of an earlier one', async () => {
    const { atlas, caller, batchId } = await startWithBatch(1, { fault: 'same-batch-id' });
    expect((await caller.upload(['x'])).body.batch_id).toBe(batchId);
    expect([...atlas.batches()]).toHaveLength(1);
  });

  it('an upload can be answered with half a document', async () => {
    const { atlas, caller } = await startWithBatch(1, { fault: 'truncated-json' });
    const response = await caller.upload(['x']);
    expect([response.status, response.body]).toEqual([200, undefined]);
    expect(atlas.uploads()[1]).toMatchObject({ documentIds: ['x'], answered: false });
  });
});

describe('pages', () => {
  const read = async (caller: AtlasCaller, batchId: string, page: number) =>
    (await caller.extracts(batchId, `&per_page=2&page=${page}`)).body;

  it('faults of pages happen to extracts only', async () => {
    const { atlas, caller, batchId } = await startWithBatch(1, { fault: 'empty-page', times: 1 });
    await caller.upload(ids(1));
    expect((await caller.extracts(batchId)).body.data).toEqual([]);
    expect(atlas.faultsFired()).toEqual({ 'empty-page': 1 });
  });

  it('a page can have another number than the one asked for', async () => {
    const { caller, batchId } = await startWithBatch(5, { fault: 'wrong-page' });
    const page = await read(caller, batchId, 1);
    expect([page.page, documentsOf(page)]).toEqual([2, ['003', '004']]);
  });

  it('the list of pages can be endless', async () => {
    const { caller, batchId } = await startWithBatch(3, { fault: 'endless' });
    const pages = [await read(caller, batchId, 2), await read(caller, batchId, 999)];
    expect(pages.map(({ has_next }) => has_next)).toEqual([true, true]);
    expect(pages.map(({ page, total_pages }) => total_pages - page)).toEqual([1, 1]);
    expect(documentsOf(pages[1] ?? { data: [] })).toEqual(['001', '002']);
  });

  it('a page can start with the last extract of the one before', async () => {
    const { caller, batchId } = await startWithBatch(5, { fault: 'repeat-page' });
    const pages = [1, 2, 3].map((page) => read(caller, batchId, page));
    expect((await Promise.all(pages)).map(documentsOf)).toEqual([
      ['001', '002'],
      ['002', '003', '004'],
      ['004', '005'],
    ]);
  });

  it('pages can hold ids that were never sent', async () => {
    const { caller, batchId } = await startWithBatch(3, { fault: 'foreign-ids', count: 2 });
    const pages = await caller.pages(batchId, 2);
    expect(pages.flatMap(documentsOf)).toEqual([...ids(3), 'FOREIGN-000001', 'FOREIGN-000002']);
    expect(pages[0]?.total_items).toBe(5);
  });

  it('a page can claim to be the last one while whole documents follow', async () => {
    const { caller, batchId } = await startWithBatch(3, { fault: 'has-next-false' });
    expect(await read(caller, batchId, 1)).toMatchObject({
      has_next: false,
      total_pages: 1,
      total_items: 3,
    });
  });
});

it('the same seed brings the same faults of Atlas again', async () => {
  const statuses = async () => {
    const { atlas, caller } = await startAtlas({ seed: 11 });
    atlas.setFaults({ rate: 0.5, rules: [{ fault: 503 }] });
    const seen: number[] = [];
    for (let request = 0; request < 20; request += 1) {
      seen.push((await caller.extracts('BATCH')).status);
    }
    return seen;
  };
  const first = await statuses();
  expect(new Set(first)).toEqual(new Set([404, 503]));
  expect(await statuses()).toEqual(first);
});
