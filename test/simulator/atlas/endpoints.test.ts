import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, it, onTestFinished } from 'vitest';
import { startS3Simulator } from '../../../src/simulator/index.js';
import { sdkClient } from '../s3/s3-clients.js';
import { AtlasCaller, ids, startAtlas } from './atlas-caller.js';

it('the simulated Atlas gives a token for the right credentials only', async () => {
  const { atlas, caller } = await startAtlas({ clientId: 'me', clientSecret: 'mine' });
  expect((await caller.logIn('me', 'wrong')).status).toBe(401);
  expect((await caller.logIn('you', 'mine')).status).toBe(401);
  expect((await caller.logIn()).body.access_token).toMatch(/.{20}/);
  expect(atlas.requests.table()).toEqual({ authtoken: { 200: 2, 401: 2 } });
});

it('the simulated Atlas refuses a token that it did not give', async () => {
  const { caller } = await startAtlas();
  caller.token = 'made up';
  expect((await caller.upload(ids(1))).status).toBe(401);
  expect((await caller.extracts('BATCH')).status).toBe(401);
});

it('the simulated Atlas can accept the newest token only', async () => {
  const { atlas, caller } = await startAtlas({ onlyNewestToken: true });
  const other = new AtlasCaller(atlas);
  expect((await caller.upload(ids(1))).status).toBe(200);
  await other.logIn();
  expect((await caller.upload(ids(1))).status).toBe(401);
  expect((await other.upload(ids(1))).status).toBe(200);
});

it('tokens of the simulated Atlas end after their time, or at once', async () => {
  const { caller } = await startAtlas({ tokenTtlMs: 0 });
  expect((await caller.upload(ids(1))).status).toBe(401);
  const lasting = await startAtlas();
  expect((await lasting.caller.upload(ids(1))).status).toBe(200);
  lasting.atlas.expireTokens();
  expect((await lasting.caller.upload(ids(1))).status).toBe(401);
});

it('each accepted upload gets an id of its own, in the form that Atlas uses', async () => {
  const { atlas, caller } = await startAtlas();
  const batchIds = await Promise.all(Array.from({ length: 50 }, () => caller.submit(ids(3))));
  expect(new Set(batchIds).size).toBe(50);
  for (const id of batchIds) expect(id).toMatch(/^BATCH-\d{5}-[A-Z]{5}-\d{14}$/);
  expect([...atlas.batches()]).toHaveLength(50);
  expect([...atlas.batches()][0]).toMatchObject({ productType: 'LOAN_APP', documentIds: ids(3) });
  expect(atlas.uploads().every(({ answered }) => answered)).toBe(true);
});

const FILE = { file_url: 'http://127.0.0.1:9/x', document_id: '1' };

it.each([
  ['no JSON', '{"product_type"'],
  ['no object', []],
  ['no files', { product_type: 'A', file_urls: [] }],
  ['no product type', { file_urls: [FILE] }],
  ['an unknown field', { product_type: 'A', file_urls: [FILE], more: 1 }],
  ['an unknown field of a file', { product_type: 'A', file_urls: [{ ...FILE, more: 1 }] }],
  ['a file without id', { product_type: 'A', file_urls: [{ file_url: FILE.file_url }] }],
  ['a number as id', { product_type: 'A', file_urls: [{ ...FILE, document_id: 1 }] }],
  ['no URL', { product_type: 'A', file_urls: [{ ...FILE, file_url: 's3://kyc/pan' }] }],
  ['an id twice', { product_type: 'A', file_urls: [FILE, FILE] }],
])('the simulated Atlas refuses a body with %s', async (_what, body) => {
  const { atlas, caller } = await startAtlas();
  expect((await caller.upload([], { body })).status).toBe(400);
  expect([...atlas.batches()]).toEqual([]);
});

it('the simulated Atlas refuses an upload of another content type', async () => {
  const { caller } = await startAtlas();
  expect((await caller.upload(ids(1), { type: 'text/plain' })).status).toBe(400);
  expect((await caller.upload(ids(1), { type: 'application/json; charset=utf-8' })).status).toBe(
    200,
  );
});

it('the simulated Atlas answers 404 to any other path', async () => {
  const { atlas, caller } = await startAtlas();
  expect((await caller.call('extracts', { method: 'POST' })).status).toBe(404);
  expect((await fetch(atlas.url)).status).toBe(404);
  expect(atlas.requests.count('other', 404)).toBe(2);
});

it.each([true, false])(
  'the simulated Atlas fetches every URL, odd ones too (path style: %s)',
  async (pathStyle) => {
    const s3 = await startS3Simulator();
    onTestFinished(() => s3.stop());
    const { caller } = await startAtlas({ fetchUrls: true });
    const keys = ['a b', 'a/../b', '+%20', 'नमस्ते', 'empty'];
    for (const key of keys) s3.put('kyc', key, key === 'empty' ? '' : 'a scan');
    const client = sdkClient(s3, { forcePathStyle: pathStyle });
    const sign = (Key: string) =>
      getSignedUrl(client, new GetObjectCommand({ Bucket: 'kyc', Key }));
    const urls = await Promise.all(keys.map(sign));
    expect((await caller.upload(keys, { urls })).status).toBe(200);
    expect(s3.requests.count('get')).toBe(keys.length);
  },
);

it('the simulated Atlas names the documents that it cannot fetch', async () => {
  const s3 = await startS3Simulator();
  onTestFinished(() => s3.stop());
  const { atlas, caller } = await startAtlas({ fetchUrls: true });
  s3.put('kyc', 'there', 'a scan');
  const sign = (Key: string) =>
    getSignedUrl(sdkClient(s3), new GetObjectCommand({ Bucket: 'kyc', Key }));
  const good = await sign('there');
  const urls = [good, await sign('missing'), good.replace('there', 'their'), 'http://127.0.0.1:9/'];
  const response = await caller.upload(['good', 'missing', 'tampered', 'closed'], { urls });
  expect(response.status).toBe(422);
  expect(response.body.document_ids).toEqual(['missing', 'tampered', 'closed']);
  expect(atlas.uploads()).toEqual([]);
});

it('the simulated Atlas can wrap its responses in `data`', async () => {
  const { caller } = await startAtlas({ envelope: 'data' });
  const call = async (response: Promise<{ body: unknown }>) =>
    (await response).body as { data: Record<string, string> };
  caller.token = (await call(caller.logIn())).data.access_token ?? '';
  const batchId = (await call(caller.upload(ids(2)))).data.batch_id ?? '';
  const page = (await call(caller.extracts(batchId))).data;
  expect(page).toMatchObject({ page: 1, has_next: false, data: expect.any(Array) });
});

it('the simulated Atlas answers 429 to more requests in a second than its limit', async () => {
  const { atlas, caller } = await startAtlas({ maxRequestsPerSecond: 1, retryAfter: '1' });
  let response = await caller.extracts('BATCH');
  while (response.status !== 429) response = await caller.extracts('BATCH');
  expect(response.headers.get('retry-after')).toBe('1');
  expect(atlas.requests.count('extracts', 429)).toBe(1);
});

it('the simulated Atlas records its requests and counts the bytes that it sent', async () => {
  const { atlas, caller } = await startAtlas();
  const seen: string[] = [];
  const off = atlas.requests.onRequest(({ endpoint, status }) =>
    seen.push(`${endpoint} ${status}`),
  );
  const batchId = await caller.submit(ids(2));
  const { text } = await caller.extracts(batchId);
  off();
  await caller.extracts(batchId);
  expect(seen).toEqual(['multiupload 200', 'extracts 200']);
  expect(atlas.bytesSent('extracts')).toBe(2 * Buffer.byteLength(text));
  const times = atlas.requestLog().map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times).toHaveLength(4);
});

it('the simulated Atlas can be stopped twice, and started again on the same port', async () => {
  const { atlas } = await startAtlas();
  await atlas.stop();
  await atlas.stop();
  const again = await startAtlas({ port: atlas.port });
  expect(again.atlas.port).toBe(atlas.port);
});
