import { readFileSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { Agent, request as send } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import type { AtlasFaultRule } from '../../../src/simulator/index.js';
import { ids, startAtlas } from './atlas-caller.js';

async function startWithBatch(documentIds: string[], rule: AtlasFaultRule) {
  const { atlas, caller } = await startAtlas({ extractsPerDocument: () => 1 });
  const batchId = await caller.submit(documentIds);
  atlas.setFaults({ rules: [rule] });
  return { atlas, caller, batchId, read: (query = '') => caller.extracts(batchId, query) };
}

const [ofAtlas = ''] = readFileSync('docs/testing.md', 'utf8').split('\n## S3');
const recipes = [...ofAtlas.matchAll(/`(\{ fault: [^`]+)`/g)].map(([, recipe = '']) => recipe);

it.each(recipes)('the recipe %s of the docs is a fault that happens', async (recipe) => {
  const rule: AtlasFaultRule = new Function(`return ${recipe}`)();
  const { atlas, caller, read } = await startWithBatch(ids(2), rule);
  // One that hangs, or is cut, ends with the simulator.
  const tried = Promise.allSettled([caller.upload(ids(2)), read()]);
  while (!atlas.faultsFired()[String(rule.fault)]) {
    if (rule.probability) void caller.upload(ids(1)).catch(() => {});
    await new Promise(setImmediate);
  }
  await atlas.stop();
  await tried;
});

it('items can be without file_data, with null, and without an id, as many as the rule says', async () => {
  for (const [fault, item] of [
    ['no-file-data', { document_id: '001' }],
    ['null-file-data', { document_id: '001', file_data: null }],
    ['blank-ids', { document_id: ' ', file_data: expect.anything() }],
  ] as const) {
    const { body } = await (await startWithBatch(ids(3), { fault })).read();
    expect(body.data).toEqual([
      item,
      { document_id: '002', file_data: expect.anything() },
      { document_id: '003', file_data: expect.anything() },
    ]);
  }
});

it('an extract can hold a NaN, which is no JSON', async () => {
  const { read } = await startWithBatch(ids(1), { fault: 'not-a-number' });
  expect((await read()).text).toContain('"file_data":{"quality":NaN,"document_type"');
});

it('ids of digits can be numbers, without the zeros before them', async () => {
  const { read } = await startWithBatch(['17', '007', '000', 'a1'], { fault: 'number-ids' });
  expect((await read()).body.data.map((item) => item.document_id)).toEqual([17, 7, 0, 'a1']);
});

it('extracts can be as large as the rule says', async () => {
  const { read } = await startWithBatch(ids(2), { fault: 'huge-extracts', bytes: 100_000 });
  expect((await read()).text.length).toBeGreaterThan(200_000);
});

it('a list of one can be that one, and an empty one an object', async () => {
  const { read } = await startWithBatch(ids(1), { fault: 'object-for-list' });
  expect((await read()).body.data).toMatchObject({ document_id: '001' });
  expect((await read('&page=2')).body.data).toEqual({});
});

it('ids can be filled up with blanks or written otherwise, and a batch id can stand between some', async () => {
  const pages = await startWithBatch(ids(1), { fault: 'padded-ids' });
  expect((await pages.read()).body.data[0]?.document_id).toMatch(/^001 {137}$/);
  const changed = await startWithBatch(['Pan-é'], { fault: 'changed-ids' });
  expect((await changed.read()).body.data[0]?.document_id).toBe('\ufeffpAN-É');
  const { caller } = await startWithBatch(ids(1), { fault: 'padded-batch-id' });
  expect((await caller.upload(ids(2))).body.batch_id).toMatch(/^ BATCH-.*\r\n$/);
});

it('a token can be refused by the web page of a gateway', async () => {
  const { atlas, caller } = await startAtlas({ tokenRefusal: 'html' });
  const batchId = await caller.submit(ids(1));
  atlas.expireTokens();
  expect(await caller.extracts(batchId)).toMatchObject({
    status: 401,
    text: expect.stringContaining('<html>'),
  });
});

it('totals can be text, too low and too high', async () => {
  const text = await startWithBatch(ids(1), { fault: 'text-totals' });
  expect((await text.read()).body).toMatchObject({
    ...{ page: '1', total_pages: '1', total_items: '1', has_next: 'false' },
  });
  const low = await startWithBatch(ids(3), { fault: 'total-too-low', count: 2 });
  expect((await low.read()).body).toMatchObject({ total_items: 1, has_next: false });
  const high = await startWithBatch(ids(1), { fault: 'total-too-high', count: 2 });
  expect((await high.read()).body).toMatchObject({ total_items: 3, has_next: false });
});

it.each([404, 500] as const)(
  'the page after the last can be announced, and be a %i',
  async (status) => {
    const { read } = await startWithBatch(ids(2), { fault: 'one-page-more', status });
    expect((await read('&per_page=1&page=2')).body).toMatchObject({ has_next: true });
    expect((await read('&per_page=1&page=3')).status).toBe(status);
  },
);

it('the page after the last can be the last one again', async () => {
  const { read } = await startWithBatch(ids(3), { fault: 'last-page-again' });
  const { body } = await read('&per_page=2&page=3');
  expect(body).toMatchObject({ page: 2, has_next: true, data: [{ document_id: '003' }] });
});

it.each([
  ['null-data', '{"data":null}'],
  ['status-only', '{"status":"PROCESSING"}'],
] as const)('a batch can be not ready as %s', async (fault, text) => {
  const { read } = await startWithBatch(ids(1), { fault });
  expect((await read()).text).toBe(text);
});

it.each([
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
] as const)('a body can be compressed with %s', async (encoding, decompress) => {
  const { atlas, caller, batchId } = await startWithBatch(ids(1), {
    fault: 'compressed',
    encoding,
  });
  const url = `${atlas.url}/v1/docstream/extracts?batch_id=${batchId}`;
  const { headers, body } = await send(url, { headers: { Token: caller.token } });
  expect(headers['content-encoding']).toBe(encoding);
  const page = JSON.parse(decompress(Buffer.from(await body.arrayBuffer())).toString());
  expect(page.total_items).toBe(1);
});

it.each(['iso-8859-1', 'windows-1252', 'utf-16le'] as const)(
  'a body can be in %s, and says so',
  async (charset) => {
    const { atlas, caller, batchId } = await startWithBatch(ids(40), { fault: 'charset', charset });
    const url = `${atlas.url}/v1/docstream/extracts?batch_id=${batchId}`;
    const { headers, body } = await send(url, { headers: { Token: caller.token } });
    expect(headers['content-type']).toBe(`application/json; charset=${charset}`);
    const { data } = JSON.parse(new TextDecoder(charset).decode(await body.arrayBuffer()));
    const truth = atlas
      .truth(batchId)
      .flatMap(({ extracts }) => extracts.map((e) => JSON.parse(e)));
    expect(data.map((item: { file_data: unknown }) => item.file_data)).toEqual(truth);
  },
);

it.each([{ fault: 'compressed' }, { fault: 'charset' }] as const)(
  'a body can be as the fault %j says, and no header of it',
  async (rule) => {
    const { atlas, caller, batchId } = await startWithBatch(ids(1), { ...rule, unnamed: true });
    const url = `${atlas.url}/v1/docstream/extracts?batch_id=${batchId}`;
    const { headers, body } = await send(url, { headers: { Token: caller.token } });
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers['content-type']).toBe('application/json');
    await body.dump();
  },
);

it.each([
  [{ fault: 'compressed', encoding: 'br' }, { 'content-encoding': 'br' }],
  [
    { fault: 'charset', charset: 'utf-16le' },
    { 'content-type': 'application/json; charset=utf-16le' },
  ],
] as const)(
  'a header can say what the fault %j says, and the body be plain',
  async (rule, says) => {
    const { atlas, caller, batchId } = await startWithBatch(ids(1), { ...rule, mislabelled: true });
    const url = `${atlas.url}/v1/docstream/extracts?batch_id=${batchId}`;
    const { headers, body } = await send(url, { headers: { Token: caller.token } });
    expect(headers).toMatchObject(says);
    expect(await body.json()).toMatchObject({ total_items: 1 });
  },
);

it('a batch id can be a number, under which the batch is found', async () => {
  const { caller } = await startWithBatch(ids(1), { fault: 'number-batch-id' });
  const { batch_id: batchId } = (await caller.upload(ids(2))).body;
  expect(batchId).toBeTypeOf('number');
  expect((await caller.extracts(String(batchId))).body.data).toHaveLength(2);
});

it('documents that an earlier upload brought can be a conflict', async () => {
  const { caller } = await startWithBatch(ids(2), { fault: 'conflict' });
  expect((await caller.upload(ids(3))).status).toBe(200);
  expect((await caller.upload(ids(2))).status).toBe(409);
});

it('a rule can tell requests by their size', async () => {
  const { caller } = await startWithBatch(ids(1), {
    fault: 413,
    match: ({ bytes }) => bytes > 1000,
  });
  expect((await caller.upload(ids(2))).status).toBe(200);
  expect((await caller.upload(ids(100))).status).toBe(413);
});

it('a connection that idles can be closed without a word', async () => {
  const { atlas } = await startWithBatch(ids(1), { fault: 'idle-close', delayMs: 20 });
  const agent = new Agent({ connections: 1 });
  onTestFinished(() => agent.close());
  const closed = new Promise((resolve) => agent.once('disconnect', resolve));
  const { body } = await send(atlas.url, { dispatcher: agent });
  await body.dump();
  await closed;
});

it.each([
  ['comma', /,\],"page":.*,\}$/s],
  // The mark itself is taken away by whoever decodes the text.
  ['mark', /^\{"data"/],
  ['before', /Warning.*\n\{"data"/s],
  ['after', /\}\n.*Warning/s],
  ['twice', /\}\{"data"/],
  ['string', /^"\{\\"data\\":/],
] as const)('JSON can have a flaw: %s', async (flaw, form) => {
  const { read } = await startWithBatch(ids(1), { fault: 'nearly-json', flaw });
  expect((await read()).text).toMatch(form);
});

it('file_data can be empty, and ids numbers that no double holds', async () => {
  const empty = await startWithBatch(ids(1), { fault: 'empty-file-data', empty: '[]' });
  expect((await empty.read()).body.data[0]).toMatchObject({ file_data: [] });
  const { caller } = await startWithBatch(ids(1), { fault: 'number-batch-id', long: true });
  expect((await caller.upload(ids(1))).text).toBe('{"batch_id":9007199254740994}');
});

it('pages can be shorter than asked for, and say nothing of others but the total', async () => {
  const { read } = await startWithBatch(ids(3), { fault: 'short-pages' });
  const { body } = await read('&page=2&pageNo=2&per_page=50');
  expect(body).toEqual({ data: [expect.objectContaining({ document_id: '003' })], total_items: 3 });
});
