/** The API as an app calls it whose client a public generator has made of the document. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import createClient from 'openapi-fetch';
import { expect, it, onTestFinished, vi } from 'vitest';
import { batchOf } from '../../client/test-client.js';
import { startSystem } from '../../helpers/system.js';
import type { paths } from './openapi-types.js';
import { startApi, TOKENS } from './test-api.js';

vi.setConfig({ testTimeout: 60_000 });

it('the types are those that openapi-typescript makes of the document; scripts/make-api-types.mjs writes them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'api-types-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const fresh = join(folder, 'types.ts');
  await promisify(execFile)(process.execPath, ['scripts/make-api-types.mjs', fresh]);
  const read = (path: string) => readFile(path, 'utf8');
  expect(await read('test/server/api/openapi-types.ts')).toBe(await read(fresh));
});

it('a generated client adds, waits, reads, cancels, retries, and reads problems by their codes', async () => {
  const system = await startSystem({ atlas: { neverArrives: (id) => id === 'x001' } });
  await system.startWorker();
  const { server } = await startApi(system.environment);
  const { url } = await server.listen();
  const clientFor = (token: string) =>
    createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });
  const api = clientFor(TOKENS.submitA ?? '');
  const one = '/api/v1/batches/{reference}';
  const params = (reference: string) => ({ params: { path: { reference } } });
  const { productType, documents } = await system.request('loan-1', 2);
  const body = { productType, documents };

  const added = await api.PUT(one, { ...params('loan-1'), body });
  expect([added.response.status, added.data?.status]).toEqual([201, 'added']);
  const again = await api.PUT(one, { ...params('loan-1'), body });
  expect([again.response.status, again.data?.status]).toEqual([200, 'duplicate']);
  const other = await api.PUT(one, { ...params('loan-1'), body: { ...body, productType: 'X' } });
  expect([other.response.status, other.error?.code]).toEqual([409, 'REFERENCE_TAKEN']);
  const wrong = await api.PUT(one, { ...params('loan-2'), body: { ...body, documents: [] } });
  expect(wrong.error?.issues).toEqual(['documents must hold at least one document']);

  const path = { reference: 'loan-1' };
  const ended = await api.GET(one, { params: { path, query: { wait: 30 } } });
  expect(ended.data?.summary?.documents).toMatchObject({ total: 2, present: 2 });
  const results = await api.GET(`${one}/results`, { ...params('loan-1'), parseAs: 'text' });
  const lines = results.data
    ?.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines?.map(({ documentId }) => documentId)).toEqual(['001', '002']);

  const bulk = await api.POST('/api/v1/batches:bulk', {
    body: [batchOf('many-1'), { ...batchOf('many-2'), documents: [] }]
      .map((line) => JSON.stringify(line))
      .join('\n'),
    bodySerializer: (text) => text,
    headers: { 'content-type': 'application/x-ndjson' },
    parseAs: 'text',
  });
  expect(bulk.data?.match(/"status":"(\w+)"/g)).toEqual(['"status":"added"', '"status":"invalid"']);

  const never = await system.request('loan-3', 1, 'x');
  await api.PUT(one, { ...params('loan-3'), body: { ...body, documents: never.documents } });
  const cancelled = await api.POST(`${one}/cancel`, { ...params('loan-3'), body: { reason: 'x' } });
  expect([cancelled.response.status, cancelled.data?.status]).toEqual([202, 'cancelling']);
  const failed = await api.GET(one, {
    params: { path: { reference: 'loan-3' }, query: { wait: 30 } },
  });
  expect(failed.data?.summary?.reason?.code).toBe('CANCELLED');
  const mayNot = await api.POST(`${one}/retry`, params('loan-3'));
  expect([mayNot.response.status, mayNot.error?.code]).toEqual([403, 'FORBIDDEN']);
  const operator = clientFor(TOKENS.operate ?? '');
  const retried = await operator.POST(`${one}/retry`, params('loan-3'));
  expect(retried.data?.status).toBe('retried');
  const list = await api.GET('/api/v1/batches', { params: { query: { text: 'loan-1' } } });
  expect(list.data?.batches).toMatchObject([{ reference: 'loan-1', tenant: 'a' }]);
  const none = await clientFor('nobody').GET(one, params('loan-1'));
  expect([none.response.status, none.error?.code]).toEqual([401, 'UNAUTHORIZED']);
});
