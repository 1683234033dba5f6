import { Cluster, Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../../src/client/client.js';
import { RedisConnection } from '../../../src/redis/connection/connection.js';
import { isOfConnection, isOfMove } from '../../../src/redis/connection/connection-errors.js';
import { batchOf } from '../../client/test-client.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';
import { startCluster } from '../../helpers/redis-cluster.js';
import { startTcpValve } from '../../helpers/tcp-valve.js';
import { waitUntil } from '../../helpers/wait-until.js';

/** A connection that waits for a failover, as that of a worker which has started. */
function connect(url: string, resendForMs = Number.POSITIVE_INFINITY): RedisConnection {
  const redis = new RedisConnection({
    ...connectionTo(url),
    maxRetriesPerRequest: null,
    resendForMs,
  });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** A Redis that is made a replica of nobody, and a master again. */
async function startDemotable() {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  return {
    url: server.url,
    demote: () => admin.replicaof('127.0.0.1', '1'),
    promote: () => admin.replicaof('NO', 'ONE'),
  };
}

test('a command that a replica refuses is sent again until it is a master', async () => {
  const { url, demote, promote } = await startDemotable();
  const redis = connect(url);
  expect(await redis.incr('n')).toBe(1);
  await demote();
  let refusals = 0;
  redis.on('error', (error) => {
    expect([isOfMove(error), isOfConnection(error)]).toEqual([true, true]);
    refusals += 1;
  });
  const incremented = Promise.all([
    redis.incr('n'),
    redis.eval("return redis.call('INCR', KEYS[1])", 1, 'n'),
    redis.incr('n'),
  ]);
  await waitUntil('refused commands', () => refusals > 2);
  await promote();
  expect(await incremented).toEqual([2, 3, 4]);
});

test('commands that were on their way when a server died are sent again, however long nobody listens', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const redis = connect(server.url);
  await redis.ping();
  const refused: string[] = [];
  redis.on('error', ({ message }) => void refused.push(message));
  process.kill(server.pid, 'SIGSTOP');
  const answers = Promise.all([redis.set('n', 1), redis.incr('n')]);
  await server.kill();
  await waitUntil('refused connections', () => {
    return refused.filter((message) => message.includes('ECONNREFUSED')).length > 2;
  });
  await server.restart();
  expect(await answers).toEqual(['OK', 2]);
});

test('commands wait for a master while a replica that lost its own refuses reads too', async () => {
  const { url, demote, promote } = await startDemotable();
  const redis = connect(url);
  await redis.config('SET', 'replica-serve-stale-data', 'no');
  await redis.set('n', 1);
  await demote();
  const refusals: string[] = [];
  redis.on('error', ({ message }) => void refusals.push(message));
  const answers = Promise.all([redis.get('n'), redis.incr('n')]);
  await waitUntil('a refused read', () => refusals.some((one) => one.startsWith('MASTERDOWN')));
  await promote();
  expect(await answers).toEqual(['1', 2]);
});

test('a transaction that a replica refuses fails as a whole, and nothing of it is sent again', async () => {
  const { url, demote, promote } = await startDemotable();
  const redis = connect(url);
  await demote();
  await expect(redis.multi().incr('n').incr('n').exec()).rejects.toThrow(/EXECABORT/);
  await promote();
  expect(await redis.incr('n')).toBe(1);
});

test('a refused command fails at once where nothing is to be sent again, and after its time', async () => {
  const { url, demote } = await startDemotable();
  await demote();
  await expect(connect(url, 0).incr('n')).rejects.toThrow(/READONLY/);
  await expect(connect(url, 300).incr('n')).rejects.toThrow(/READONLY/);
});

test('a connection that falls silent is made anew, and one that blocks is left alone', async () => {
  const { url, prefix } = testRedis();
  const valve = await startTcpValve(Number(new URL(url).port));
  const silenced = connect(`redis://127.0.0.1:${valve.port}`);
  const blocking = connect(url);
  const id = await blocking.client('ID');
  await silenced.ping();
  const popped = blocking.bzpopmin(`${prefix}:none`, 12);
  valve.silence();
  valve.admitNew();
  const replied = await Promise.race([
    silenced.incr(`${prefix}:n`).then(() => 'the silenced one'),
    popped.then(() => 'the blocking one'),
  ]);
  expect(replied).toBe('the silenced one');
  expect(await popped).toBeNull();
  expect(await blocking.client('ID')).toBe(id);
});

test('a command that waits to be sent again fails when the connection is ended', async () => {
  const valve = await startTcpValve(Number(new URL(testRedis().url).port));
  const redis = connect(`redis://127.0.0.1:${valve.port}`);
  await redis.ping();
  const popped = redis.bzpopmin('none', 60);
  await valve.hush();
  await waitUntil('a new connection', () => valve.connections() > 0);
  redis.disconnectAll();
  await expect(popped).rejects.toThrow('Connection is closed.');
});

test('a connection that was ended for good never opens again, nor does one made of it', async () => {
  const redis = connect(testRedis().url);
  await redis.ping();
  redis.disconnectAll();
  await expect(redis.connect()).rejects.toThrow('Connection is closed.');
  const duplicate: RedisConnection = redis.duplicate();
  await expect(duplicate.ping()).rejects.toThrow('Connection is closed.');
});

test('a client of a Cluster goes past nodes that are away', async () => {
  const { addresses } = await startCluster();
  const cluster = [1, ...addresses.map((address) => Number(address.split(':').at(-1)))];
  const client = createAtlasBatchClient({
    redis: { cluster: cluster.map((port) => ({ host: '127.0.0.1', port })) },
    prefix: '{mine}',
  });
  onTestFinished(() => client.close());
  expect((await client.enqueue(batchOf('a'))).status).toBe('added');
});

test('a connection of the caller to a Cluster serves a client', async () => {
  const { addresses } = await startCluster();
  const [first] = addresses;
  const connection = new Cluster([`redis://${first}`]);
  onTestFinished(() => connection.disconnect());
  const client = createAtlasBatchClient({ connection, prefix: '{mine}' });
  onTestFinished(() => client.close());
  expect((await client.enqueue(batchOf('a'))).status).toBe('added');
  expect(
    (await client.enqueueMany([batchOf('a'), batchOf('b')])).map(({ status }) => status),
  ).toEqual(['duplicate', 'added']);
  await expect(client.wait('a', { timeoutMs: 1 })).rejects.toThrow(/did not end within 1 ms/);
  await client.close();
  expect(await connection.hget('{mine}:atlas-batches:batch-b', 'name')).toBe('batch');
});
