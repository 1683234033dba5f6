import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import type { AtlasBatchServer } from '../../../src/server/server.js';
import { batchOf } from '../../client/test-client.js';
import { startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { startApi, TOKENS } from './test-api.js';

vi.setConfig({ testTimeout: 60_000 });

const { reference: _reference, ...BATCH } = batchOf('loan-1');

it('a batch is added, waited for and read', async () => {
  const system = await startSystem();
  await system.startWorker();
  const logged: unknown[] = [];
  const log = (...line: unknown[]) => void logged.push(line);
  const logger = { debug: () => {}, info: () => {}, warn: log, error: log };
  const { call } = await startApi(system.environment, logger);
  const { reference: _, ...request } = await system.request('loan-1', 3);
  await call('submitA', 'PUT /batches/loan-1', { payload: request });
  const ended = await call('submitA', 'GET /batches/loan-1?wait=30');
  expect(ended.json()).toMatchObject({
    reference: 'loan-1',
    state: 'completed',
    documents: { total: 3, present: 3 },
    summary: { status: 'completed', batchIds: [expect.any(String)] },
  });
  const results = await call('submitA', 'GET /batches/loan-1/results');
  expect(results.headers['content-type']).toBe('application/x-ndjson');
  const lines = results.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ documentId }) => documentId)).toEqual(['001', '002', '003']);
  expect(lines[0].extracts).toHaveLength(1);
  const cancel = await call('submitA', 'POST /batches/loan-1/cancel');
  expect([cancel.statusCode, cancel.json().code]).toEqual([409, 'ALREADY_ENDED']);
  const retry = await call('operate', 'POST /batches/loan-1/retry');
  expect([retry.statusCode, retry.json().code]).toEqual([409, 'NOT_FAILED']);
  system.s3.setFaults({ rules: [{ endpoint: 'list-versions', fault: 'AccessDenied' }] });
  const denied = await call('operate', 'DELETE /batches/loan-1');
  expect([denied.statusCode, denied.json().code]).toEqual([503, 'UNAVAILABLE']);
  expect(JSON.stringify(logged)).toContain('the role needs s3:ListBucketVersions');
  system.s3.reset();
  const away = await call('submitA', 'GET /batches/loan-1/results');
  expect([away.statusCode, away.json().code]).toEqual([503, 'UNAVAILABLE']);
  expect(away.body).not.toContain('s3:');
});

it('results that are no longer stored are told from an S3 that does not respond', async () => {
  const system = await startSystem();
  await system.startWorker();
  const { call } = await startApi(system.environment);
  const { reference: _, ...payload } = await system.request('loan-1', 2);
  await call('submitA', 'PUT /batches/loan-1', { payload });
  await call('submitA', 'GET /batches/loan-1?wait=30');
  system.s3.setFaults({ rules: [{ endpoint: 'get', fault: 'NoSuchKey' }] });
  const gone = await call('submitA', 'GET /batches/loan-1/results');
  expect([gone.statusCode, gone.json().code]).toEqual([410, 'RESULTS_GONE']);
  expect(gone.headers['retry-after']).toBeUndefined();
  expect(gone.body).not.toContain('s3:');
  for (const fault of ['NoSuchBucket', 'InvalidObjectState'] as const) {
    system.s3.setFaults({ rules: [{ endpoint: 'get', fault }] });
    const away = await call('submitA', 'GET /batches/loan-1/results');
    expect([away.statusCode, away.json().code]).toEqual([503, 'UNAVAILABLE']);
  }
});

it('results that are cut short in the middle are said in the log, with why', async () => {
  const { server, second, lines } = await startWithTwoObjects('NoSuchKey');
  const { url } = await server.listen();
  const response = await fetchResults(url);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow('terminated');
  await waitUntil('the line', () => lines.length > 0);
  expect(lines).toEqual([
    {
      route: '/api/v1/batches/:reference/results',
      message: `a response was cut short: there is no object ${second} any more`,
    },
  ]);
});

it('a caller that leaves in the middle of results is no line of the log', async () => {
  const { server, cutAtSecond, lines } = await startWithTwoObjects('hang');
  const { url } = await server.listen();
  const leaving = new AbortController();
  const response = await fetchResults(url, leaving.signal);
  await waitUntil('S3 was asked for the second', () => cutAtSecond() === 1);
  leaving.abort();
  await expect(response.text()).rejects.toThrow('aborted');
  await server.stop();
  expect(lines).toEqual([]);
});

it('a batch that is cancelled fails with the reason, and can be retried', async () => {
  const system = await startSystem({ atlas: { neverArrives: () => true } });
  await system.startWorker();
  const lines: object[] = [];
  const log = (fields: object) => void lines.push(fields);
  const logger = { debug: () => {}, info: log, warn: log, error: log };
  const { call } = await startApi(system.environment, logger);
  const { reference: _, ...request } = await system.request('loan-1', 1);
  await call('submitA', 'PUT /batches/loan-1', { payload: request });
  const running = await call('submitA', 'GET /batches/loan-1/results');
  expect([running.statusCode, running.json().code]).toEqual([409, 'STILL_RUNNING']);
  const cancelled = await call('submitA', 'POST /batches/loan-1/cancel', {
    payload: { reason: 'sent by mistake' },
  });
  expect(cancelled.statusCode).toBe(202);
  expect(cancelled.json()).toEqual({ status: 'cancelling', reference: 'loan-1' });
  const { summary } = (await call('submitA', 'GET /batches/loan-1?wait=30')).json();
  expect(summary.reason).toMatchObject({
    code: 'CANCELLED',
    message: expect.stringContaining('sent by mistake'),
  });
  const retried = await call('operateA', 'POST /batches/loan-1/retry', { payload: {} });
  expect([retried.statusCode, retried.json().status]).toEqual([202, 'retried']);
  expect(lines).toContainEqual(
    expect.objectContaining({
      ...{ audit: true, actor: 'submitA', via: 'api', address: '127.0.0.1', action: 'cancel' },
      ...{ reference: 'loan-1', reason: 'sent by mistake', outcome: 'cancelling' },
    }),
  );
});

it('an ended batch is erased for good, with a certificate, and one that runs is not', async () => {
  const system = await startSystem({ atlas: { neverArrives: (id) => id === 'x001' } });
  await system.startWorker();
  const lines: object[] = [];
  const log = (fields: object) => void lines.push(fields);
  const logger = { debug: () => {}, info: log, warn: log, error: log };
  const { call } = await startApi(system.environment, logger);
  const { productType, documents } = await system.request('loan-1', 2);
  const { documents: never } = await system.request('runs', 1, 'x');
  await call('submitA', 'PUT /batches/loan-1', { payload: { productType, documents } });
  await call('submitA', 'PUT /batches/runs', { payload: { productType, documents: never } });
  await call('submitA', 'GET /batches/loan-1?wait=30');
  const running = await call('operateA', 'DELETE /batches/runs');
  expect([running.statusCode, running.json().code]).toEqual([409, 'STILL_RUNNING']);
  expect((await call('operate', 'DELETE /batches/nothing')).statusCode).toBe(404);
  expect(system.s3.list('results')).toHaveLength(1);
  const erased = await call('operateA', 'DELETE /batches/loan-1?reason=ticket%204711');
  expect(erased.statusCode).toBe(200);
  expect(erased.json()).toMatchObject({
    ...{ status: 'erased', reference: 'loan-1' },
    certificate: {
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      removed: { objectVersions: 1 },
    },
  });
  expect(system.s3.list('results')).toEqual([]);
  expect((await call('operate', 'GET /batches/loan-1')).statusCode).toBe(404);
  expect(lines).toContainEqual(
    expect.objectContaining({
      ...{ audit: true, actor: 'operateA', via: 'api', action: 'erase', reason: 'ticket 4711' },
      ...{ outcome: 'erased', reference: `sha256:${erased.json().certificate.digest}` },
    }),
  );
});

it('who waits for a batch that goes on gets its status when the time is over', async () => {
  const { call } = await startApi();
  await call('submitA', 'PUT /batches/loan-1', { payload: BATCH });
  const response = await call('submitA', 'GET /batches/loan-1?wait=1');
  expect([response.statusCode, response.json().state]).toEqual([200, 'queued']);
});

it.each(['wait=-1', 'wait=x', 'wait=301', 'wait=1.5', 'wait=1&wait=2', 'weight=1'])(
  'the parameter %s is refused',
  async (parameter) => {
    const { call } = await startApi();
    const response = await call('read', `GET /batches/x?${parameter}`);
    expect([response.statusCode, response.json().code]).toEqual([400, 'INVALID_REQUEST']);
    expect(response.json().issues).toHaveLength(1);
  },
);

it('those that wait share one connection to Redis, also over its restart, and each gets the end', async () => {
  const own = await startPrivateRedis({ appendOnly: true, appendfsync: 'always' });
  onTestFinished(() => own.stop());
  const { server, call, prefix } = await startApi({ REDIS_URL: own.url });
  const { url } = await server.listen();
  const asked = countRequests(server);
  const redis = new Redis(own.url);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const clients = async () =>
    String(await redis.client('LIST'))
      .trim()
      .split('\n').length;
  await call('submitA', 'PUT /batches/loan-1', { payload: BATCH });
  await call('submitA', 'GET /batches/loan-1?wait=1');
  const before = await clients();
  const waiting = Array.from({ length: 100 }, () => fetchBatch(url, 'loan-1?wait=300'));
  await waitUntil('all wait', () => asked() === 100);
  expect(await clients()).toBe(before);
  await own.kill();
  await own.restart();
  await redis.hset(`${prefix}:atlas-batches:batch-loan-1`, 'finishedOn', Date.now());
  const states = (await Promise.all(waiting)).map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(['failed']));
});

it('those that wait get the status of their batch when the server stops', async () => {
  const { server, call } = await startApi();
  const { url } = await server.listen();
  const asked = countRequests(server);
  await call('submitA', 'PUT /batches/loan-1', { payload: BATCH });
  const waiting = Array.from({ length: 10 }, () => fetchBatch(url, 'loan-1?wait=300'));
  await waitUntil('all wait', () => asked() === 10);
  await server.stop();
  expect((await Promise.all(waiting)).map(({ state }) => state)).toEqual(Array(10).fill('queued'));
});

/** An ended batch with two objects of results, and a fault of S3 whenever the second is read. */
async function startWithTwoObjects(fault: 'hang' | 'NoSuchKey') {
  const system = await startSystem({ environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' } });
  await system.startWorker();
  const lines: object[] = [];
  const log = (fields: object, message: string) => void lines.push({ ...fields, message });
  const logger = { debug: () => {}, info: () => {}, warn: log, error: log };
  const { call, server } = await startApi(system.environment, logger);
  const { reference: _, ...payload } = await system.request('loan-1', 2);
  await call('submitA', 'PUT /batches/loan-1', { payload });
  const ended = await call('submitA', 'GET /batches/loan-1?wait=30');
  const [, second = ''] = ended.json().summary.results;
  const match = ({ key }: { key: string }) => second.endsWith(key);
  system.s3.setFaults({ rules: [{ endpoint: 'get', fault, match }] });
  return { server, second, lines, cutAtSecond: () => system.s3.faultsFired()[fault] };
}

function fetchResults(url: string, signal?: AbortSignal): Promise<Response> {
  const headers = { authorization: `Bearer ${TOKENS.submitA}` };
  return fetch(`${url}/api/v1/batches/loan-1/results`, { headers, ...(signal && { signal }) });
}

async function fetchBatch(url: string, path: string): Promise<{ state: string }> {
  const headers = { authorization: `Bearer ${TOKENS.submitA}` };
  return (await fetch(`${url}/api/v1/batches/${path}`, { headers })).json() as never;
}

/** How many requests have come by HTTP. */
function countRequests({ app }: AtlasBatchServer): () => number {
  let count = 0;
  app.server.on('request', () => {
    count += 1;
  });
  return () => count;
}
