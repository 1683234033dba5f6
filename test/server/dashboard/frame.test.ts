import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { noteMissedCallback } from '../../../src/batches/callback-silence.js';
import { heartbeatsKey, workerReportKey } from '../../../src/jobs/keys/redis-keys.js';
import { VERSION } from '../../../src/version.js';
import { batchOf } from '../../client/test-client.js';
import { startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { AUTHORIZATION, CALLBACKS, createServer, LOGIN } from '../test-server.js';
import { get, startQuietServer } from './test-pages.js';

const HEADERS = {
  authorization: AUTHORIZATION,
  'sec-fetch-site': 'same-origin',
  accept: 'text/html,*/*',
};

it('the page of workers says what each runs and does, and which version', async () => {
  const system = await startSystem();
  const worker = await system.startWorker();
  const { server } = await createServer({ ...system.environment, ...LOGIN });
  const read = async (url: string) => (await server.app.inject({ url, headers: HEADERS })).body;
  const body = await waitUntil('the next heartbeat', async () => {
    const text = await read('/dashboard/workers');
    return text.includes('Ready') && text.includes('batches') ? text : undefined;
  });
  expect(body).toContain(`1 worker: 1 runs ${VERSION}`);
  expect(body).toContain(`process ${process.pid}`);
  await worker.stop();
  const after = await read('/dashboard/workers');
  expect(after).toContain('None is alive.');
  expect(await system.redis.keys(`${system.prefix}:worker:*`)).toEqual([]);
});

it('a Redis that refuses writes, and so heartbeats, is said as what it is, on every page', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const { server } = await createServer({ ...LOGIN, REDIS_URL: redis.url });
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  await admin.config('SET', 'min-replicas-to-write', '1');
  for (const path of ['batches', 'workers']) {
    const { body } = await server.app.inject({ url: `/dashboard/${path}`, headers: HEADERS });
    expect(body).toContain('Redis refuses writes: NOREPLICAS');
    expect(body).not.toMatch(/no worker is alive|none is alive/i);
  }
  await admin.config('SET', 'min-replicas-to-write', '0');
  const { body } = await server.app.inject({ url: '/dashboard/batches', headers: HEADERS });
  expect(body).not.toContain('refuses writes');
  expect(body).toContain('No worker is alive.');
});

it('callbacks that were missed before they were switched off are no condition any more', async () => {
  const { server, url, prefix } = await createServer(LOGIN);
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  const [seconds] = await redis.time();
  for (let i = 0; i < 3; i += 1) await noteMissedCallback(redis, prefix, Number(seconds) * 1000);
  const { body } = await server.app.inject({ url: '/dashboard/batches', headers: HEADERS });
  expect(body).not.toContain('stopped calling');
});

it('what is wrong with the whole of it heads every page, and its title', async () => {
  const { server, url, prefix } = await createServer({ ...LOGIN, ...CALLBACKS });
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  const [seconds] = await redis.time();
  const now = Number(seconds) * 1000;
  await redis.zadd(heartbeatsKey(prefix), now, 'one');
  const atlas = { since: now - 90_000, code: 'ATLAS_UNAVAILABLE', circuitOpen: true };
  const report = {
    v: 1,
    host: 'h',
    pid: 1,
    version: '9.9.9',
    node: '20',
    startedAt: now,
    jobs: {},
  };
  await redis.set(
    workerReportKey(prefix, 'one'),
    JSON.stringify({ ...report, atlas, refusedSince: null, webhook: null, notReady: [] }),
  );
  for (let i = 0; i < 3; i += 1) await noteMissedCallback(redis, prefix, now);
  const batches = new Queue('atlas-batches', { connection: redis, prefix });
  onTestFinished(() => batches.close());
  await batches.add('batch', batchOf('loan-1', 1), { jobId: 'batch-loan-1' });
  for (const path of [
    ...['batches', 'workers', 'batches?q=x', 'batches/loan-1', 'batches/unknown'],
    'bulk?action=cancel&show=running&which=all',
    ...['nowhere', 'batches?from=never'],
  ]) {
    const { body } = await server.app.inject({ url: `/dashboard/${path}`, headers: HEADERS });
    expect(body).toContain('Atlas does not answer 1 of 1 worker');
    expect(body).toContain('Atlas has stopped calling');
    expect(body).toContain('<title>⚠ ');
    expect(body.match(/<h1/g)).toHaveLength(1);
  }
  // Those of Bull Board too, whose head is its own.
  for (const path of ['', 'queue/atlas-batches', 'queue/atlas-batches/batch-loan-1']) {
    const { body } = await server.app.inject({ url: `/dashboard/${path}`, headers: HEADERS });
    expect(body).toContain('<div id="root">');
    expect(body).toContain('Atlas does not answer 1 of 1 worker');
    expect(body).toContain('Atlas has stopped calling');
  }
  // A callback is a sign of life.
  const credentials = { 'client-id': 'atlas', 'client-secret': CALLBACKS.CALLBACK_CLIENT_SECRET };
  const token = await server.app.inject({
    method: 'POST',
    url: '/callbacks/atlas/token',
    headers: credentials,
  });
  await server.app.inject({
    method: 'POST',
    url: '/callbacks/atlas',
    headers: { token: token.json().access_token },
    payload: { data: [], page: 1, per_page: 50, total_pages: 1, total_items: 0 },
  });
  await waitUntil('Atlas to call again', async () => {
    const { body } = await server.app.inject({ url: '/dashboard/batches', headers: HEADERS });
    return !body.includes('stopped calling');
  });
});

it('the page of a batch is among the batches, whatever its reference', async () => {
  const test = await startQuietServer();
  for (const reference of ['Workers', 'Queues', 'loan-1']) {
    await test.batches.add('batch', batchOf(reference, 1), { jobId: `batch-${reference}` });
    const { body } = await get(test, `/${reference}`);
    expect(/aria-current="page">([^<]*)/.exec(body)?.[1]).toBe('Batches');
  }
  const workers = await get(test, '/../workers');
  expect(/aria-current="page">([^<]*)/.exec(workers.body)?.[1]).toBe('Workers');
});

it.each(['nowhere', 'batches', '', 'queue/atlas-batches'])(
  'whoever has not logged in is told nothing of how the whole of it stands, at "/dashboard/%s"',
  async (path) => {
    const { server } = await createServer(LOGIN);
    const read = (headers: Record<string, string>) =>
      server.app.inject({
        url: `/dashboard/${path}`,
        headers: { accept: 'text/html', ...headers },
      });
    expect((await read({ authorization: AUTHORIZATION })).body).toContain('No worker is alive.');
    const outside = await read({});
    expect([outside.statusCode, outside.body.includes('alive')]).toEqual([401, false]);
    const wrong = await read({ authorization: `Basic ${btoa('operator:wrong')}` });
    expect([wrong.statusCode, wrong.body.includes('alive')]).toEqual([401, false]);
  },
);

it('an error below the pages of Bull Board is a page as others are, with one heading and one banner', async () => {
  const { server } = await createServer(LOGIN);
  for (const path of ['static/none.js', 'api/queues/none/1', 'queue/atlas-batches/%ZZ']) {
    const { body } = await server.app.inject({ url: `/dashboard/${path}`, headers: HEADERS });
    for (const once of [/<h1/g, /id="system"/g, /No worker is alive\./g])
      expect(body.match(once)).toHaveLength(1);
  }
});

it('/ leads to the dashboard, where there is one', async () => {
  const { server } = await createServer(LOGIN);
  const response = await server.app.inject('/');
  expect([response.statusCode, response.headers.location]).toEqual([302, '/dashboard/batches']);
  const without = await createServer();
  expect((await without.server.app.inject('/')).statusCode).toBe(404);
});

it.each([
  ['/dashboard/nowhere', 404],
  ['/dashboard/batches/unknown%20batch', 200],
])('an error is a page for people: %s', async (url, atLeast) => {
  const { server } = await createServer(LOGIN);
  const response = await server.app.inject({ url, headers: HEADERS });
  expect(response.statusCode).toBeGreaterThanOrEqual(atLeast);
  expect(response.headers['content-type']).toContain('text/html');
  expect(response.body).toContain('<main');
  const script = await server.app.inject({
    url: '/dashboard/nowhere',
    headers: { ...HEADERS, accept: '*/*' },
  });
  expect(script.json()).toEqual({ error: 'Not Found' });
});

it.each([
  ['foo=1', 'There is no parameter “foo”.'],
  ['state=a&foo=', 'There is no parameter “state”. There is no parameter “foo”.'],
])('the page of workers takes no parameters, and says so: %s', async (query, says) => {
  const { server } = await createServer(LOGIN);
  const { authorization } = HEADERS;
  const url = `/dashboard/workers?${query}`;
  const refused = await server.app.inject({ url, headers: { authorization } });
  expect([refused.statusCode, refused.json().message]).toEqual([400, says]);
  const page = await server.app.inject({ url, headers: HEADERS });
  expect([page.statusCode, page.body.includes(says)]).toEqual([400, true]);
});

it('errors are pages also while Redis is away, and without a login', async () => {
  const { server } = await createServer({
    ...LOGIN,
    REDIS_URL: 'redis://127.0.0.1:1',
    BASE_PATH: '/ops',
  });
  for (const url of ['/dashboard/batches', '/dashboard/workers']) {
    const response = await server.app.inject({ url, headers: HEADERS });
    expect([url, response.statusCode]).toEqual([url, 503]);
    expect(response.body).toContain('Redis does not answer');
    expect(response.body).toContain('href="/ops/dashboard/batches"');
    expect(response.headers['content-security-policy']).toContain("default-src 'none'");
  }
  const board = await server.app.inject({ url: '/dashboard/', headers: HEADERS });
  expect(board.body).toContain('Redis does not answer');
  const outside = await server.app.inject({ url: '/dashboard/', headers: { accept: 'text/html' } });
  expect(outside.statusCode).toBe(401);
  expect(outside.headers['www-authenticate']).toContain('Basic');
  expect(outside.body).toContain('<h1');
});
