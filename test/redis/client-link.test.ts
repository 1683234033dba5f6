import { connect } from 'node:net';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { ClientClosedError, PermanentError, RedisUnavailableError } from '../../src/errors.js';
import { startTcp } from '../atlas/test-server.js';
import { batchOf, startClient } from '../client/test-client.js';
import { testRedis } from '../helpers/redis.js';
import { waitUntil } from '../helpers/wait-until.js';

/** An error with all that hangs on it. */
function everythingOf(error: unknown): string {
  return inspect(error, { depth: 20, showHidden: true });
}

test('a client says which Redis does not answer, and recovers when it does', async () => {
  const redis = await startPrivateRedis({ appendOnly: true });
  onTestFinished(() => redis.stop());
  const { client } = startClient({ url: redis.url, prefix: '{t}' });
  await client.enqueue(batchOf('before'));
  await redis.kill();
  const error = await client.enqueue(batchOf('during')).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(RedisUnavailableError);
  expect(error.message).toContain(`Redis at 127.0.0.1:${redis.port} does not answer`);
  await redis.restart();
  expect((await client.enqueue(batchOf('before'))).status).toBe('duplicate');
});

test('a client says at once what may be wrong with a Redis that cuts its connections', async () => {
  const complaintAt = async (port: number) => {
    const { client } = startClient({ url: `redis://127.0.0.1:${port}`, prefix: '{t}' });
    return client.status('a').catch(({ message }) => message);
  };
  const cutting = await startTcp((socket) => socket.end());
  expect(await complaintAt(cutting)).toMatch(
    / does not answer \(ECONNRESET\); if it wants TLS, use rediss.*; if no Redis is there, correct REDIS_URL$/,
  );
  const page = await startTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  expect(await complaintAt(page)).toMatch(/ speaks another protocol; correct REDIS_URL$/);
});

test('a client says that a Redis has no room for it, or has fewer databases', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const { client } = startClient({ url: `${server.url}/99`, prefix: '{t}' });
  await expect(client.status('a')).rejects.toThrow(/; correct the number of the database in/);
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  // A connection that is open for long has not gone to another database.
  const waiting = startClient({ url: `${server.url}/99`, prefix: '{t}' });
  await waitUntil('a second refusal', async () => {
    const refused = /cmdstat_select:.*failed_calls=(\d+)/.exec(await admin.info('commandstats'));
    return Number(refused?.[1]) >= 2;
  });
  await expect(waiting.client.enqueue(batchOf('a'))).rejects.toThrow(
    /; correct the number of the database in/,
  );
  expect(await admin.dbsize()).toBe(0);
  await admin.config('SET', 'maxclients', '1');
  await expect(startClient({ url: server.url, prefix: '{t}' }).client.status('a')).rejects.toThrow(
    /maxclients/,
  );
});

test('every method of a client fails when there is no Redis at all', async () => {
  const { client } = startClient({ url: 'redis://127.0.0.1:1', prefix: '{t}' });
  for (const call of [
    () => client.enqueue(batchOf('a')),
    () => client.enqueueMany([batchOf('a')]),
    () => client.status('a'),
    () => client.wait('a'),
    () => client.results('a').next(),
    () => client.cancel('a'),
  ]) {
    await expect(call()).rejects.toThrow(
      /Redis at 127\.0\.0\.1:1 does not answer \(ECONNREFUSED\)/,
    );
  }
});

test('a client says that Redis refuses a password, and never which', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  await admin.config('SET', 'requirepass', 'right-canary');
  const { client } = startClient({
    url: `redis://:wrong-canary@127.0.0.1:${redis.port}`,
    prefix: '{t}',
  });
  const error = await client.enqueue(batchOf('a')).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(RedisUnavailableError);
  expect(error.message).toMatch(/refuses us: (WRONGPASS|NOAUTH|ERR)/);
  expect(error.cause).toMatchObject({ name: 'ReplyError' });
  expect(everythingOf(error)).not.toContain('canary');
});

test('a client says that Redis is full, and nothing of the batch that it did not take', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const { client } = startClient({ url: redis.url, prefix: '{t}' });
  await client.enqueue(batchOf('before'));
  await admin.config('SET', 'maxmemory', '1000000');
  const batch = { ...batchOf('canary'), productType: 'canary' };
  for (const call of [() => client.enqueue(batch), () => client.enqueueMany([batch])]) {
    const error = await call().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RedisUnavailableError);
    expect(error.message).toMatch(/refuses us: .*OOM.*; it is full/);
    expect(error.cause).toMatchObject({ name: 'ReplyError' });
    expect(everythingOf(error)).not.toContain('canary');
  }
});

test('what another program has written of a job as no JSON is an error of ours, which says nothing of it', async () => {
  const { client, url, prefix } = startClient();
  await client.enqueue(batchOf('a'));
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  await admin.hset(`${prefix}:atlas-batches:batch-a`, 'opts', '{"canary":NaN,"canary2":1}');
  for (const call of [
    () => client.status('a'),
    () => client.wait('a'),
    () => client.cancel('a'),
    () => client.retry('a'),
  ]) {
    const error = await call().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: 'INTERNAL', cause: { name: 'SyntaxError' } });
    expect(everythingOf(error)).not.toMatch(/canary|NaN/);
  }
});

test('a client works on a connection of its caller, and leaves it open', async () => {
  const { url, prefix } = testRedis();
  const connection = new Redis(url);
  onTestFinished(() => connection.disconnect());
  const client = createAtlasBatchClient({ connection, prefix });
  expect((await client.enqueue(batchOf('mine'))).status).toBe('added');
  await expect(client.wait('mine', { timeoutMs: 1 })).rejects.toThrow(/did not end within 1 ms/);
  await client.close();
  expect(await connection.ping()).toBe('PONG');
});

test('a client fails fast on a connection of its caller that waits for ever', async () => {
  const connection = new Redis('redis://127.0.0.1:1', { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  onTestFinished(() => connection.disconnect());
  const client = createAtlasBatchClient({ connection });
  onTestFinished(() => client.close());
  await expect(client.enqueue(batchOf('a'))).rejects.toBeInstanceOf(RedisUnavailableError);
});

test('a client may be closed twice, and every method says so to whoever calls it later', async () => {
  const { client } = startClient();
  await client.enqueue(batchOf('a'));
  await client.close();
  await client.close();
  for (const call of [
    () => client.enqueue(batchOf('a')),
    () => client.enqueueMany([batchOf('a')]),
    () => client.enqueueMany([]),
    () => client.status('a'),
    () => client.wait('a'),
    () => client.results('a').next(),
    () => client.events().next(),
    () => client.cancel('a'),
    async () => client.onCompletion(() => {}),
  ]) {
    await expect(call()).rejects.toBeInstanceOf(ClientClosedError);
  }
});

test('a client that never got a connection closes too', async () => {
  const { client } = startClient({ url: 'redis://127.0.0.1:1', prefix: '{t}' });
  await client.close();
});

/** A way to Redis that is cut in the middle of a reply: after so many bytes of those to come. */
async function startCuttingProxy(port: number) {
  let left = Number.POSITIVE_INFINITY;
  const proxyPort = await startTcp((socket) => {
    const onward = connect(port, '127.0.0.1');
    onTestFinished(() => void onward.destroy());
    onward.on('error', () => {});
    socket.pipe(onward);
    onward.on('data', (chunk) => {
      socket.write(chunk.subarray(0, Math.min(chunk.length, left)));
      left -= chunk.length;
      if (left <= 0) {
        left = Number.POSITIVE_INFINITY;
        socket.end();
      }
    });
  });
  return {
    url: `redis://127.0.0.1:${proxyPort}`,
    cutAfter(bytes: number) {
      left = bytes;
    },
  };
}

test.each([20, 200, 6000])(
  'a connection that is cut after %d bytes of replies makes Redis unavailable',
  async (bytes) => {
    const { url, prefix } = testRedis();
    const proxy = await startCuttingProxy(Number(new URL(url).port));
    const { client } = startClient({ url: proxy.url, prefix });
    await client.enqueue(batchOf('first'));
    const batches = Array.from({ length: 200 }, (_, i) => batchOf(`canary-${i}`));
    proxy.cutAfter(bytes);
    const error: unknown = await client.enqueueMany(batches).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RedisUnavailableError);
    expect(everythingOf(error)).not.toContain('canary');
  },
);

test('a client that has waited closes when Redis has gone', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const { client } = startClient({ url: redis.url, prefix: '{t}' });
  await client.enqueue(batchOf('a'));
  await expect(client.wait('a', { timeoutMs: 1 })).rejects.toThrow(/did not end within 1 ms/);
  await redis.kill();
  await client.close();
});
