/** Locks, their renewal, and the jobs that lost theirs. */
import { once } from 'node:events';
import { Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { waitUntil } from '../../../helpers/wait-until.js';
import { LOCK_MS, QUEUE, startBullmq, TOKEN } from './start-bullmq.js';

test('the lock of an active job is a string with the token, for the duration of the lock', async () => {
  const { fetchOne, redis, queue } = startBullmq();
  await fetchOne();
  const lock = queue.toKey('one:lock');
  expect(await redis.get(lock)).toBe(TOKEN);
  expect(await redis.pttl(lock)).toBeGreaterThan(LOCK_MS - 5000);
  expect(await redis.pttl(lock)).toBeLessThanOrEqual(LOCK_MS);
  expect(await redis.lrange(queue.toKey('active'), '0', '-1')).toEqual(['one']);
});

test('a worker renews the locks of its jobs by a timer, but not with skipLockRenewal', async () => {
  for (const skipLockRenewal of [false, true]) {
    const renews: boolean[] = [];
    const { add, worker, queue } = startBullmq(async () => void renews.push(worker.renewsLocks), {
      skipLockRenewal,
    });
    await add('one');
    await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
    expect(renews).toEqual([!skipLockRenewal]);
  }
});

test('a worker that renews locks says which it could not renew, and renews the others', async () => {
  const { fetchOne, add, fetch, worker, redis, queue } = startBullmq();
  await fetchOne();
  await add('two');
  await fetch();
  await redis.set(queue.toKey('one:lock'), 'another');
  const lost = await worker.extendJobLocks(['one', 'two'], [TOKEN, TOKEN], 2 * LOCK_MS);
  expect(lost).toEqual(['one']);
  expect(await redis.pttl(queue.toKey('two:lock'))).toBeGreaterThan(LOCK_MS);
  expect(await redis.get(queue.toKey('one:lock'))).toBe('another');
});

test('a worker has an event with the jobs whose locks it could not renew by itself', async () => {
  const { add, worker, redis, queue } = startBullmq(
    async (_job, token = '') => {
      await redis.set(queue.toKey('one:lock'), 'another');
      await once(worker, 'lockRenewalFailed');
      await redis.set(queue.toKey('one:lock'), token);
    },
    { lockDuration: 200 },
  );
  const failed = once(worker, 'lockRenewalFailed');
  await add('one');
  expect(await failed).toEqual([['one']]);
});

test('a worker takes a job off the set of stalled ones when it renews its lock', async () => {
  const { fetchOne, worker, redis, queue } = startBullmq();
  await fetchOne();
  await redis.sadd(queue.toKey('stalled'), 'one');
  expect(await worker.extendJobLocks(['one'], [TOKEN], LOCK_MS)).toEqual([]);
  expect(await redis.scard(queue.toKey('stalled'))).toBe(0);
});

test('an active job without a lock waits again after two checks, and stc counts it for life', async () => {
  const { fetchOne, fetch, checkForStalledJobs, redis, queue, hash, stateOf } = startBullmq(null, {
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  });
  await fetchOne();
  for (const stalls of ['1', '2']) {
    await redis.del(queue.toKey('one:lock'));
    await checkForStalledJobs();
    expect(await stateOf('one')).toBe('waiting');
    expect((await hash('one')).stc).toBe(stalls);
    const job = await fetch();
    expect(job.stalledCounter).toBe(Number(stalls));
  }
});

test('an active job with a lock that is in the set of stalled jobs stays active', async () => {
  const { fetchOne, checkForStalledJobs, redis, queue, stateOf } = startBullmq();
  await fetchOne();
  await checkForStalledJobs();
  expect(await redis.smembers(queue.toKey('stalled'))).toEqual(['one']);
  expect(await stateOf('one')).toBe('active');
});

test('a job past maxStalledCount fails without a call of the processor', async () => {
  const runs: number[] = [];
  const scene = startBullmq(null, { maxStalledCount: 0 });
  await scene.fetchOne();
  await scene.redis.del(scene.queue.toKey('one:lock'));
  await scene.checkForStalledJobs();
  const { connection, prefix = '' } = scene.queue.opts;
  const worker = new Worker(QUEUE, async () => void runs.push(1), { connection, prefix });
  await once(worker, 'failed');
  await worker.close();
  expect(runs).toEqual([]);
  expect((await scene.hash('one')).failedReason).toMatch(/stalled/);
});
