import { expect, test, vi } from 'vitest';
import { BatchRunningError, WaitTimeoutError } from '../../src/client/client-errors.js';
import { startSystem } from '../helpers/system.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { waitUntil } from '../helpers/wait-until.js';
import { batchOf, clientOf, startClient } from './test-client.js';

vi.setConfig({ testTimeout: 60_000 });

/** As Python writes a number that is none, unless it is told not to. */
const NO_JSON = JSON.stringify({ ...batchOf('nan'), metadata: { score: 'x' } }).replace(
  '"x"',
  'NaN',
);

async function drain(loop: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of loop);
}

test('a batch whose data is no JSON is for every method of a client what no valid batch is', async () => {
  const { queues, redis, url, prefix } = openTestQueues();
  const { client } = startClient({ url, prefix });
  await client.enqueue(batchOf('nan'));
  await redis.hset(queues.batches.toKey('batch-nan'), 'data', NO_JSON);
  expect(await client.status('nan')).toMatchObject({
    ...{ state: 'queued', productType: null, priority: null, summary: null },
    documents: { total: 0, sent: 0, present: 0 },
  });
  expect((await client.timeline('nan')).entries).toEqual([]);
  expect(await client.enqueue(batchOf('nan'))).toEqual({ status: 'conflict', reference: 'nan' });
  expect((await client.list()).batches).toMatchObject([{ reference: 'nan', productType: null }]);
  expect(await client.retry('nan')).toEqual({ status: 'not-failed', reference: 'nan' });
  expect(await client.redeliver('nan')).toMatchObject({ status: 'running' });
  expect(await client.extendDeadline('nan', 1000)).toMatchObject({ status: 'extended' });
  await expect(client.wait('nan', { timeoutMs: 50 })).rejects.toThrow(WaitTimeoutError);
  await expect(drain(client.results('nan'))).rejects.toThrow(BatchRunningError);
  expect(await client.erase('nan')).toMatchObject({ status: 'running' });
  expect(await client.cancel('nan')).toEqual({ status: 'cancelling', reference: 'nan' });
});

test('a batch whose data is no JSON has an end that its client is told', async () => {
  const system = await startSystem();
  const client = clientOf(system);
  await system.submit('nan', 1);
  await system.redis.hset(system.batches.toKey('batch-nan'), 'data', NO_JSON);
  const waiting = client.wait('nan');
  waiting.catch(() => {});
  await system.startWorker();
  expect(await waiting).toMatchObject({ status: 'failed', reason: { code: 'INVALID_JOB' } });
  expect(await client.status('nan')).toMatchObject({ state: 'failed', productType: null });
  expect(await client.retry('nan')).toEqual({ status: 'retried', reference: 'nan' });
  await waitUntil('its second end', async () => (await client.status('nan')).state === 'failed');
});
