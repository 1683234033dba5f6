/** What a page says of a change that failed over Redis: why, and whether anything was changed. */
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { cancelKey } from '../../../src/jobs/keys/redis-keys.js';
import { batchOf } from '../../client/test-client.js';
import { createServer, LOGIN, type TestServer } from '../test-server.js';
import { textOf } from './planted-pages.js';
import { act, startQuietServer } from './test-pages.js';

/** As a browser sends it. */
async function post(test: TestServer, path: string, form = '') {
  const { body, statusCode } = await act(test, path, form, { accept: 'text/html' });
  return { statusCode, text: textOf(body), body };
}

async function startOwnRedis() {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  admin.on('error', () => {});
  onTestFinished(() => admin.disconnect());
  return { redis, admin };
}

it('a change that a full Redis refuses is said to be refused, with how to mend it, and that nothing was changed', async () => {
  const { redis, admin } = await startOwnRedis();
  const test = await startQuietServer({ REDIS_URL: redis.url });
  await test.batches.add('batch', batchOf('full', 1), { jobId: 'batch-full' });
  await admin.config('SET', 'maxmemory', '1000000');
  for (const [action, form] of [
    ['cancel', 'reason=no'],
    ['poll', ''],
    ['deadline', 'more=2h'],
  ] as const) {
    const { statusCode, text, body } = await post(test, `full/${action}`, form);
    expect(statusCode).toBe(503);
    expect(text).toContain('Redis refuses writes: OOM; it is full; raise its maxmemory');
    expect(text).toContain('Nothing was changed');
    expect(text).not.toMatch(/does not answer|until Redis answers|Nobody knows/);
    expect(body).toContain('href="/dashboard/batches/full"');
    // Read again it would be a page that there is not.
    expect(body).toContain('data-refresh="0"');
  }
  expect(await test.redis.exists(cancelKey(test.prefix, 'full'))).toBe(0);
  await admin.config('SET', 'maxmemory', '0');
  expect((await post(test, 'full/cancel', 'reason=no')).statusCode).toBe(303);
});

it('of an erase that a full Redis refuses nobody says that nothing is gone', async () => {
  const { redis, admin } = await startOwnRedis();
  const test = await startQuietServer({ REDIS_URL: redis.url });
  await test.batches.add('batch', batchOf('over', 1), { jobId: 'batch-over' });
  const key = `${test.prefix}:atlas-batches:batch-over`;
  await test.redis.hset(key, { finishedOn: '1', returnvalue: '{}' });
  await admin.config('SET', 'min-replicas-to-write', '1');
  const { statusCode, text } = await post(test, 'over/erase', 'confirm=over');
  expect(statusCode).toBe(503);
  expect(text).toContain('Redis refuses writes: NOREPLICAS');
  expect(text).toContain('Nobody knows how much of it is erased');
  expect(text).not.toContain('Nothing was changed');
});

it('a change for which Redis was away from the beginning is said to have changed nothing', async () => {
  const test = await createServer({ ...LOGIN, REDIS_URL: 'redis://127.0.0.1:1' });
  const { statusCode, text } = await post(test, 'gone/cancel', 'reason=no');
  expect(statusCode).toBe(503);
  expect(text).toContain('Redis does not answer');
  expect(text).toContain('Nothing was changed');
  expect(text).not.toContain('Nobody knows');
});

it('a change whose answer was lost is said to be one of which nobody knows whether it was made', async () => {
  const { redis, admin } = await startOwnRedis();
  const { port, loseNextAnswerTo } = await startLossyProxy(redis.port);
  const test = await startQuietServer({ REDIS_URL: `redis://127.0.0.1:${port}` });
  test.redis.on('error', () => {});
  test.batches.on('error', () => {});
  for (const one of ['before', 'lost'])
    await test.batches.add('batch', batchOf(one, 1), { jobId: `batch-${one}` });
  // From now on Redis knows the script.
  expect((await post(test, 'before/cancel', 'reason=no')).statusCode).toBe(303);
  loseNextAnswerTo('court');
  const { statusCode, text } = await post(test, 'lost/cancel', 'reason=court');
  expect(statusCode).toBe(503);
  expect(text).toContain('Redis does not answer');
  expect(text).toContain('Nobody knows whether it was done');
  expect(text).not.toContain('Nothing was changed');
  // As here, where it was.
  expect(await admin.get(cancelKey(test.prefix, 'lost'))).toContain('court');
});

/** Lets all through, until it loses an answer: then nobody gets through any more. */
async function startLossyProxy(target: number) {
  const sockets = new Set<Socket>();
  let fatal: string | undefined;
  const proxy = createTcpServer((client) => {
    const server = connect(target, '127.0.0.1');
    let isLost = false;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => {
      isLost ||= fatal !== undefined && bytes.includes(fatal);
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!isLost) {
        client.write(bytes);
        return;
      }
      proxy.close();
      for (const socket of sockets) socket.destroy();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: Object(proxy.address()).port as number,
    loseNextAnswerTo: (text: string) => {
      fatal = text;
    },
  };
}
