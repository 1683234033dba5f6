import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { heartbeatsKey } from '../../../src/jobs/keys/redis-keys.js';
import { watchEventLoop } from '../../../src/server/health/event-loop.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { connect } from '../test-redis.js';
import { createServer, SILENT } from '../test-server.js';

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
  expect(ready.json()).toMatchObject({
    status: 'down',
    // On a busy machine the event loop may have stood as well.
    down: expect.arrayContaining(['Redis at 127.0.0.1:1 does not answer (ECONNREFUSED)']),
  });
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
    down: [expect.stringContaining('does not answer')],
  });
  await own.restart();
  await beat(await connect(own.url), prefix, 0);
  await waitUntil('ready again', async () => {
    return (await server.app.inject('/health/ready')).statusCode === 200;
  });
});

it('a server whose Redis refuses writes starts, and is ready when they are taken again', async () => {
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const admin = await connect(own.url);
  await admin.config('SET', 'maxmemory', '1');
  const warned: string[] = [];
  const logger = { ...SILENT, warn: (_: object, message: string) => void warned.push(message) };
  const { server } = await createServer({ REDIS_URL: own.url }, { logger });
  await server.whenRedisServes();
  expect(warned).toEqual([
    expect.stringMatching(
      /^Redis at \S+ refuses writes: OOM; .*this server only reads, and is not/,
    ),
  ]);
  const ready = async () => (await server.app.inject('/health/ready')).json();
  expect(await ready()).toMatchObject({
    status: 'down',
    down: [expect.stringMatching(/^Redis refuses writes: OOM; it is full; raise its maxmemory/)],
  });
  expect((await server.app.inject('/metrics')).body).toContain('atlas_batch_redis_up 1');
  await admin.config('SET', 'maxmemory', '0');
  expect(await ready()).toMatchObject({ status: 'ok', down: [] });
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

it('health answers under the names of Kubernetes as under its own', async () => {
  const { server, url, prefix } = await createServer();
  await beat(await connect(url), prefix, 0);
  const ask = async (path: string) => {
    const { statusCode, payload } = await server.app.inject(path);
    return { statusCode, keys: Object.keys(JSON.parse(payload)) };
  };
  expect(await ask('/livez')).toEqual(await ask('/health/live'));
  expect(await ask('/readyz')).toEqual(await ask('/health/ready'));
  expect((await ask('/readyz')).statusCode).toBe(200);
});
