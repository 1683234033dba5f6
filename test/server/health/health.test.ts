import { request } from 'node:http';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { heartbeatsKey, startedKey } from '../../../src/jobs/redis-keys.js';
import { watchEventLoop } from '../../../src/server/health/event-loop.js';
import { createWorkerHealth } from '../../../src/server/server.js';
import { testRedis } from '../../helpers/redis.js';
import { hosted, startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { CALLBACKS, createServer, LOGIN, SILENT } from '../test-server.js';

async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Adds a heartbeat as a worker does, so many ms ago. */
async function beat(redis: Redis, prefix: string, ageMs: number): Promise<void> {
  const [seconds] = await redis.time();
  await redis.zadd(heartbeatsKey(prefix), Number(seconds) * 1000 - ageMs, `worker-${ageMs}`);
}

it('a server without Redis is alive, but not ready', async () => {
  const { server } = await createServer({ REDIS_URL: 'redis://127.0.0.1:1' });
  expect((await server.app.inject('/health/live')).statusCode).toBe(200);
  const ready = await server.app.inject('/health/ready');
  expect(ready.statusCode).toBe(503);
  expect(ready.json()).toMatchObject({ status: 'down', down: ['Redis does not answer'] });
  const metrics = await server.app.inject('/metrics');
  expect(metrics.statusCode).toBe(200);
  expect(metrics.body).toContain('atlas_batch_redis_up 0');
});

it('a server counts the workers that are alive', async () => {
  const { server, url, prefix } = await createServer();
  const redis = await connect(url);
  await beat(redis, prefix, 60_000);
  expect((await server.app.inject('/health/ready')).json()).toMatchObject({ workers: 0 });
  await beat(redis, prefix, 0);
  expect((await server.app.inject('/health/ready')).json()).toMatchObject({
    status: 'ok',
    down: [],
    workers: 1,
  });
});

it('a server is not ready while Redis is away, and is ready when it is back', async () => {
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const { server, prefix } = await createServer({ REDIS_URL: own.url });
  await beat(await connect(own.url), prefix, 0);
  await waitUntil('ready', async () => {
    return (await server.app.inject('/health/ready')).statusCode === 200;
  });
  await own.kill();
  expect((await server.app.inject('/health/ready')).json()).toMatchObject({
    down: ['Redis does not answer'],
  });
  await own.restart();
  await beat(await connect(own.url), prefix, 0);
  await waitUntil('ready again', async () => {
    return (await server.app.inject('/health/ready')).statusCode === 200;
  });
});

it('an event loop that was stuck is noticed', () => {
  const watch = watchEventLoop({ stuckMs: 300 });
  onTestFinished(() => watch.stop());
  expect(watch.isStuck()).toBe(false);
  const until = performance.now() + 900;
  while (performance.now() < until);
  expect(watch.isStuck()).toBe(true);
  expect(watch.worstLagMs()).toBeGreaterThan(300);
});

it('the metrics of a server cover the workers in its process and the queues', async () => {
  const system = await startSystem({ environment: LOGIN });
  const worker = await system.startWorker();
  const { server } = await createServer(system.environment, {
    worker: hosted(worker),
  });
  await system.submit('metered', 3);
  await system.event('done-metered');
  await waitUntil('the end of the job', async () => (await system.batches.getCompletedCount()) > 0);
  const { body, headers } = await server.app.inject('/metrics');
  expect(headers['content-type']).toContain('text/plain');
  expect(body).toContain('atlas_batch_batches_total{status="completed",code=""} 1');
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="completed"} 1');
  expect(body).toMatch(/atlas_batch_oldest_waiting_seconds\{queue="atlas-completions"\} \d/);
  expect(body).toContain('atlas_batch_workers 1');
  expect(body).toContain('atlas_batch_in_flight 0');
  expect(body).toContain('atlas_batch_redis_up 1');
});

it('batches in flight and near their deadline are counted, without those removed by hand', async () => {
  const { server, url, prefix } = await createServer({ BATCH_DEADLINE_MS: '100000' });
  const redis = await connect(url);
  const [seconds] = await redis.time();
  const now = Number(seconds) * 1000;
  for (const [id, ageMs] of Object.entries({ 'batch-old': 90_000, 'batch-new': 1000 })) {
    await redis.hset(`${prefix}:atlas-batches:${id}`, { name: 'batch', timestamp: now });
    await redis.zadd(startedKey(prefix), now - ageMs, id);
  }
  await redis.zadd(startedKey(prefix), now - 500_000, 'batch-removed');
  const { body } = await server.app.inject('/metrics');
  expect(body).toContain('atlas_batch_in_flight 2');
  expect(body).toContain('atlas_batch_near_deadline 1');
  expect(body).toMatch(/atlas_batch_oldest_in_flight_seconds 9\d/);
});

it('ADMIN_PORT has all routes but the callbacks', async () => {
  const { server } = await createServer({ ADMIN_PORT: '0', ...LOGIN });
  const { url, adminUrl } = await server.listen();
  expect(adminUrl).not.toBe(url);
  const status = async (address: string) => (await fetch(address)).status;
  expect(await status(`${url}/health/live`)).toBe(200);
  expect(await status(`${url}/health/ready`)).toBe(404);
  expect(await status(`${url}/metrics`)).toBe(404);
  expect(await status(`${url}/dashboard`)).toBe(404);
  expect(await status(`${adminUrl}/health/live`)).toBe(200);
  expect(await status(`${adminUrl}/metrics`)).toBe(200);
});

it('responses have security headers and no banner', async () => {
  const { server } = await createServer();
  for (const path of ['/health/live', '/nowhere']) {
    const { headers } = await server.app.inject(path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(headers).not.toHaveProperty('server');
    expect(headers).not.toHaveProperty('x-powered-by');
  }
});

it('a server stops although a request hangs, and can be stopped twice', async () => {
  const { server } = await createServer();
  const { url } = await server.listen();
  const hanging = request(`${url}/health/live`, { method: 'POST' });
  hanging.on('error', () => {});
  hanging.write('{');
  await new Promise((resolve) => hanging.once('socket', resolve));
  await Promise.all([server.stop(), server.stop()]);
  await expect(fetch(`${url}/health/live`)).rejects.toThrow();
});

it('WORKER_PORT has health and metrics of a worker, and nothing else', async () => {
  const { url, prefix } = testRedis();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix, ...LOGIN, ...CALLBACKS };
  expect(await createWorkerHealth({ environment, logger: SILENT })).toBeUndefined();
  const health = await createWorkerHealth({
    environment: { ...environment, WORKER_PORT: '0' },
    logger: SILENT,
  });
  onTestFinished(() => health?.stop());
  const status = async (path: string) => (await health?.app.inject(path))?.statusCode;
  expect(await status('/health/live')).toBe(200);
  expect(await status('/metrics')).toBe(200);
  expect(await status('/dashboard/batches')).toBe(404);
  const callback = await health?.app.inject({ method: 'POST', url: '/callbacks/atlas/token' });
  expect(callback?.statusCode).toBe(404);
});

it.each([
  [{ DASHBOARD_USER: 'operator' }, 'DASHBOARD_PASSWORD'],
  [{ DASHBOARD_PASSWORD: 'secret-canary' }, 'DASHBOARD_PASSWORD'],
  [{ ...LOGIN, DASHBOARD_USER: 'a:b' }, 'DASHBOARD_USER'],
  [{ CALLBACK_CLIENT_SECRET: 'secret-canary' }, 'CALLBACK_CLIENT_SECRET'],
  [{ ...LOGIN, DASHBOARD_PASSWORD: 'canary' }, 'DASHBOARD_PASSWORD must have at least 12'],
  [{ ...CALLBACKS, CALLBACK_CLIENT_SECRET: 'canary' }, 'CALLBACK_CLIENT_SECRET must have at'],
  [{ PORT: '65536' }, 'PORT'],
  [{ ADMIN_PORT: 'x' }, 'ADMIN_PORT'],
])(
  'the error of a wrong configuration %o names its variable, and no secret',
  async (environment, name) => {
    const failure = await createServer(environment as Record<string, string>).catch(String);
    expect(failure).toContain(name);
    expect(failure).not.toContain('canary');
  },
);
