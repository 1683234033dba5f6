import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import type { BatchStatus } from '../../src/batches/status/status.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { startSystem } from '../helpers/system.js';
import { startTcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import { batchOf, clientOf, startClient } from './test-client.js';

vi.setConfig({ testTimeout: 60_000 });

/** One whose connections are nobody else's, to count them. */
async function ownRedis(): Promise<string> {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  return redis.url;
}

async function listenersAreThere(redis: Redis): Promise<void> {
  await waitUntil('listeners', async () => {
    const clients = String(await redis.client('LIST'));
    return clients.split('cmd=xread').length > 2;
  });
}

/** Collects what a client tells, until it is told the end of `reference`. */
async function collectUntilEnd(events: AsyncIterable<BatchStatus>, reference: string) {
  const seen: BatchStatus[] = [];
  for await (const status of events) {
    seen.push(status);
    if (status.reference === reference && status.summary) break;
  }
  return seen;
}

test('progress events tell the status of a batch as it goes, to its end', async () => {
  const system = await startSystem({
    redisUrl: await ownRedis(),
    atlas: { completionMs: ({ index }) => 200 + 200 * index },
  });
  const client = clientOf(system);
  const collected = collectUntilEnd(client.events(), 'loan-1');
  await listenersAreThere(system.redis);
  await system.startWorker({ POLL_MAX_MS: '100' });
  await system.submit('loan-1', 4);
  const seen = await collected;
  const present = seen.map(({ documents }) => documents.present);
  expect(present).toEqual([...present].sort((a, b) => a - b));
  expect(present.some((count) => count > 0 && count < 4)).toBe(true);
  expect(seen.at(-1)?.summary).toEqual(await client.wait('loan-1'));
});

test('progress events tell each end once', async () => {
  const system = await startSystem({ redisUrl: await ownRedis() });
  const client = clientOf(system);
  const references = Array.from({ length: 20 }, (_, i) => `loan-${i}`);
  const ends: (string | null)[] = [];
  const controller = new AbortController();
  const told = (async () => {
    for await (const { summary } of client.events({ signal: controller.signal })) {
      if (summary) ends.push(summary.reference);
      if (summary?.reference === 'last') controller.abort();
    }
  })();
  await listenersAreThere(system.redis);
  await system.startWorker();
  for (const reference of references) await system.submit(reference, 2);
  await system.add({ reference: 'invalid' });
  await Promise.all([...references, 'invalid'].map((reference) => client.wait(reference)));
  await system.submit('last', 1);
  await told;
  expect(ends.sort()).toEqual([...references, 'invalid', 'last'].sort());
});

test('progress events tell of the batches that were asked for, and of no others', async () => {
  const system = await startSystem({ redisUrl: await ownRedis() });
  const client = clientOf(system);
  await system.submit('mine', 2);
  await system.submit('theirs', 2);
  const events = client.events({ references: ['mine'] });
  const collected = collectUntilEnd(events, 'mine');
  await listenersAreThere(system.redis);
  await system.startWorker();
  expect(new Set((await collected).map(({ reference }) => reference))).toEqual(new Set(['mine']));
});

test('progress events end with the signal, with the client, and by break, and leave no listener', async () => {
  const { client } = startClient();
  const controller = new AbortController();
  const bySignal = client.events({ signal: controller.signal }).next();
  controller.abort();
  expect(await bySignal).toEqual({ done: true, value: undefined });
  await client.enqueue(batchOf('a'));
  const byClose = client.events().next();
  await client.status('a');
  await client.close();
  expect(await byClose).toEqual({ done: true, value: undefined });
});

test('a reader of progress events that stops asking is closed with the client', async () => {
  const url = await ownRedis();
  const { client } = startClient({ url, prefix: '{t}' });
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  const connections = async () => String(await admin.client('LIST')).split('\n').length;
  const before = await connections();
  const events = client.events();
  const first = events.next();
  await listenersAreThere(admin);
  await client.enqueue(batchOf('seen'));
  expect((await first).value?.reference).toBe('seen');
  await client.close();
  await waitUntil('no connection', async () => (await connections()) < before);
});

test('progress events tell what came while they connected anew, also before they had told anything', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const valve = await startTcpValve(redis.port);
  const { client } = startClient({ url: `redis://127.0.0.1:${valve.port}`, prefix: '{t}' });
  const { client: producer } = startClient({ url: redis.url, prefix: '{t}' });
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const events = client.events();
  const first = events.next();
  await listenersAreThere(admin);
  await valve.refuse();
  await producer.enqueue(batchOf('missed'));
  await valve.admit();
  expect((await first).value?.reference).toBe('missed');
});

test('progress events tell of a batch whose status could not be read at once', async () => {
  const url = await ownRedis();
  const connection = new Redis(url);
  onTestFinished(() => connection.disconnect());
  const client = createAtlasBatchClient({ connection, prefix: '{t}' });
  onTestFinished(() => client.close());
  const { client: producer } = startClient({ url, prefix: '{t}' });
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  const first = client.events().next();
  await listenersAreThere(admin);
  // The listeners have connections of their own.
  connection.disconnect();
  const reads = async () =>
    Number(/cmdstat_xread:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
  const before = await reads();
  await producer.enqueue(batchOf('told-late'));
  await waitUntil('a client that has heard of it', async () => (await reads()) > before);
  await connection.connect();
  expect((await first).value?.reference).toBe('told-late');
});

test('progress events go on after Redis has refused to read them for a while', async () => {
  const url = await ownRedis();
  const { client } = startClient({ url, prefix: '{t}' });
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  const events = client.events();
  const next = events.next();
  await listenersAreThere(admin);
  await admin.call('ACL', 'SETUSER', 'default', '-xread');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const refused = async () => /XREAD|xread/.test(String(await admin.call('ACL', 'LOG')));
  await waitUntil('a refused read', refused);
  await admin.call('ACL', 'SETUSER', 'default', '+xread');
  // A client that was refused has asked last for the same.
  await waitUntil('listeners', async () =>
    (await admin.info('clients')).includes('blocked_clients:2'),
  );
  await client.enqueue(batchOf('seen'));
  expect((await next).value?.reference).toBe('seen');
});
