import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { WaitTimeoutError } from '../../src/client/client-errors.js';
import { ClientClosedError, UnknownReferenceError, UsageError } from '../../src/errors.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { batchOf, clientOf, startClient } from './test-client.js';

test('wait returns what the completion event says, whether it ended before, while or after', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  await system.submit('loan-1', 5);
  const during = await client.wait('loan-1');
  const { data } = await system.event('done-loan-1');
  expect(during).toEqual(data);
  expect(during.status).toBe('completed');
  expect(await client.wait('loan-1')).toEqual(data);
  expect(await clientOf(system).wait('loan-1', { timeoutMs: 1000 })).toEqual(data);
});

test('a failed batch is a value of wait, not an error', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  await client.enqueue(batchOf('nowhere'));
  const summary = await client.wait('nowhere');
  expect([summary.status, summary.reason?.code]).toEqual(['failed', 'OBJECT_NOT_FOUND']);
  expect(summary).toEqual((await system.event('done-nowhere')).data);
});

test('wait returns from the event when the job is no longer kept', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  await system.submit('gone', 2);
  const summary = await client.wait('gone');
  await (await system.batches.getJob('batch-gone'))?.remove();
  expect(await client.wait('gone')).toEqual(summary);
  expect((await client.status('gone')).summary).toEqual(summary);
  const ids: string[] = [];
  for await (const { documentId } of client.results('gone')) ids.push(documentId);
  expect(ids).toEqual(['001', '002']);
});

/** In the long form, as many as an app may have that waits for each batch in the request that brought it. */
const WAITS = LONG ? 1000 : 200;

test(`${WAITS} waits at once on one client all return, on a handful of connections`, async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const system = await startSystem({
    redisUrl: redis.url,
    atlas: { completionMs: 10, fetchUrls: false },
  });
  const client = clientOf(system);
  const references = Array.from({ length: WAITS }, (_, i) => `crowd-${i}`);
  await client.enqueueMany(references.map((reference) => batchOf(reference, 1)));
  await Promise.all(
    references.map((reference) => system.s3.put('kyc-documents', `${reference}/0.jpg`, 'scan')),
  );
  const before = await countConnections(system.redis);
  const waits = Promise.all(references.map((reference) => client.wait(reference)));
  await waitUntil('a listener', async () =>
    String(await system.redis.client('LIST')).includes('cmd=xread'),
  );
  expect(await countConnections(system.redis)).toBe(before + 1);
  await system.startWorker({ SUBMIT_CONCURRENCY: '50' });
  const summaries = await waits;
  expect(summaries.map(({ reference }) => reference)).toEqual(references);
  expect(new Set(summaries.map(({ status }) => status))).toEqual(new Set(['completed']));
});

async function countConnections(redis: Redis): Promise<number> {
  return String(await redis.client('LIST'))
    .trim()
    .split('\n').length;
}

test('wait survives a restart of Redis', async () => {
  const redis = await startPrivateRedis({ appendOnly: true, appendfsync: 'always' });
  onTestFinished(() => redis.stop());
  const system = await startSystem({ redisUrl: redis.url });
  const client = clientOf(system);
  await system.submit('patient', 2);
  const wait = client.wait('patient');
  await waitUntil('a listener', async () => {
    const clients = String(await system.redis.client('LIST'));
    return clients.includes('cmd=xread');
  });
  await redis.restart();
  await system.startWorker();
  expect((await wait).status).toBe('completed');
});

test('wait gives up at its time limit, at the signal, and when the client closes', async () => {
  const { client } = startClient();
  await client.enqueue(batchOf('slow'));
  await expect(client.wait('slow', { timeoutMs: 20 })).rejects.toBeInstanceOf(WaitTimeoutError);
  const controller = new AbortController();
  const aborted = client.wait('slow', { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  await expect(client.wait('slow', { signal: controller.signal })).rejects.toThrow('enough');
  const open = client.wait('slow');
  open.catch(() => {});
  await client.status('slow');
  await client.close();
  await expect(open).rejects.toBeInstanceOf(ClientClosedError);
});

test('wait does not wait for a batch that nobody has added', async () => {
  const { client } = startClient();
  await expect(client.wait('never')).rejects.toBeInstanceOf(UnknownReferenceError);
});

test.each([Number.POSITIVE_INFINITY, 1e12, 2 ** 31])(
  'a wait with a time limit of %d ms goes on until the batch ends',
  async (timeoutMs) => {
    const system = await startSystem();
    const client = clientOf(system);
    await system.submit('long', 1);
    const wait = client.wait('long', { timeoutMs });
    const settled = wait.then(
      () => 'settled',
      () => 'settled',
    );
    // A timer that overflows fires within a millisecond; each reply of Redis takes longer.
    for (let i = 0; i < 20; i += 1) await client.status('long');
    expect(await Promise.race([settled, Promise.resolve('waiting')])).toBe('waiting');
    await system.startWorker();
    expect((await wait).status).toBe('completed');
  },
);

test.each(['x', '5', Number.NaN, -1, null, {}])(
  'a wait with %j for a time limit is refused in a sentence that names it',
  async (timeoutMs) => {
    const { client } = startClient();
    const error = await client.wait('a', { timeoutMs } as never).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/^timeoutMs must be a number of milliseconds/);
  },
);
