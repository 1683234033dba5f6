/** Several requests to cancel one batch, before a worker takes any of them. */
import { expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.js';
import { cancelKey } from '../../src/jobs/keys/redis-keys.js';
import { runCommand } from '../cli/run-command.js';
import { batchOf, startClient } from '../client/test-client.js';
import { plant } from '../helpers/planted-batches.js';
import { startSystem } from '../helpers/system.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { startApi } from '../server/api/test-api.js';
import { act, get, startQuietServer } from '../server/dashboard/test-pages.js';

const BY_NED = { name: 'ned', via: 'cli' } as const;
const BY_OLGA = { name: 'olga', via: 'cli' } as const;

async function start() {
  const { queues, redis, url, prefix } = openTestQueues();
  await plant(queues, [{ reference: 'one' }]);
  const flag = async () => JSON.parse((await redis.get(cancelKey(prefix, 'one'))) ?? 'null');
  const cancel = (by: typeof BY_NED | typeof BY_OLGA, reason?: string) =>
    cancelBatch(queues, 'one', { by, reason });
  return { flag, cancel, queues, redis, url, prefix };
}

it('a cancel without a reason leaves the reason that an earlier one has given', async () => {
  const { flag, cancel } = await start();
  await cancel(BY_NED, 'court order 17');
  const first = await flag();
  expect(first).toMatchObject({ reason: 'court order 17', by: 'ned' });
  expect(await cancel(BY_OLGA)).toEqual({ status: 'cancelling', reference: 'one' });
  expect(await flag()).toEqual(first);
});

it('a cancel with a reason replaces the reason of an earlier one, and one without', async () => {
  const { flag, cancel } = await start();
  await cancel(BY_NED);
  expect(await flag()).toMatchObject({ reason: 'cancelled by an operator', by: 'ned' });
  await cancel(BY_NED, 'court order 17');
  await cancel(BY_OLGA, 'court order 18');
  expect(await flag()).toMatchObject({ reason: 'court order 18', by: 'olga' });
});

it('a reason that was given for an earlier run, or an earlier batch, does not last', async () => {
  const { flag, cancel, queues, redis } = await start();
  const key = queues.batches.toKey('batch-one');
  await cancel(BY_NED, 'court order 17');
  await redis.hset(key, { atm: '1' });
  await cancel(BY_OLGA);
  expect(await flag()).toMatchObject({ reason: 'cancelled by an operator', attemptsMade: 1 });
  await cancel(BY_NED, 'court order 17');
  await redis.hset(key, { timestamp: '2' });
  await cancel(BY_OLGA);
  expect(await flag()).toMatchObject({ reason: 'cancelled by an operator', timestamp: 2 });
});

it('the reason in a request of an earlier version lasts, whoever has given it', async () => {
  const { flag, cancel, redis, prefix } = await start();
  const earlier = { reason: 'court order 17', timestamp: 1, attemptsMade: 0 };
  await redis.set(cancelKey(prefix, 'one'), JSON.stringify(earlier));
  await cancel(BY_OLGA);
  expect(await flag()).toEqual(earlier);
});

it('a batch that two have cancelled before a worker took it ends with the reason of the one who gave one', async () => {
  const system = await startSystem();
  await system.submit('loan', 1);
  const cancel = (...options: string[]) =>
    runCommand(['cancel', 'loan', ...options], system.environment);
  await cancel('--reason', 'court order 17', '--operator', 'ned');
  expect((await cancel('--operator', 'olga')).code).toBe(0);
  await system.startWorker();
  const { data } = await system.event('done-loan');
  expect(data.reason).toEqual({ code: 'CANCELLED', message: 'court order 17' });
});

it('a cancel that no worker has taken is told by status, with who asked and why, and over HTTP without who', async () => {
  const { cancel, queues, redis, url, prefix } = await start();
  const { client } = startClient({ url, prefix });
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const told = async () => (await runCommand(['status', 'one'], environment)).stdout;
  expect(await client.status('one')).not.toHaveProperty('cancelRequested');
  expect(await told()).not.toContain('cancel');
  await cancel(BY_OLGA);
  expect((await client.status('one')).cancelRequested).toEqual({ by: 'olga', reason: null });
  expect(await told()).toContain('cancel     requested by olga\n');
  await cancel(BY_NED, 'court order 17');
  const cancelRequested = { by: 'ned', reason: 'court order 17' };
  expect(await client.status('one')).toMatchObject({ state: 'queued', cancelRequested });
  expect(await told()).toMatch(
    /cancel {5}requested by ned: court order 17\n.*when a worker takes it/,
  );
  const { call } = await startApi(environment);
  const { body } = await call('operate', 'GET /batches/one');
  expect(JSON.parse(body).cancelRequested).toEqual({ reason: 'court order 17' });
  expect(body).not.toContain('ned');
  // A later run is none that was meant.
  await redis.hset(queues.batches.toKey('batch-one'), { atm: '1' });
  expect(await client.status('one')).not.toHaveProperty('cancelRequested');
});

it('the page of a batch says that a cancel was requested, and offers no other', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('one', 1), { jobId: 'batch-one' });
  expect((await get(test, '/one')).body).toContain('Cancel this batch');
  await act(test, 'one/cancel', 'reason=court <17>');
  const { body } = await get(test, '/one');
  expect(body).toContain('Cancel requested</span></h1>');
  expect(body).toContain('A cancel was requested by operator: court &lt;17&gt;. It happens when');
  expect(body).not.toContain('Cancel this batch');
});
