/** Locks, their renewal, and the jobs that lost theirs. */
import { once } from 'node:events';
import { DelayedError, Worker } from 'bullmq';
import { expect, test, vi } from 'vitest';
import { waitUntil } from '../../../helpers/wait-until.js';
import { LOCK_MS, OpenLockManager, QUEUE, startBullmq, TOKEN } from './start-bullmq.js';

test('the lock of an active job is a string with the token, for the duration of the lock', async () => {
  const { fetchOne, redis, queue } = startBullmq();
  await fetchOne();
  const lock = queue.toKey('one:lock');
  expect(await redis.get(lock)).toBe(TOKEN);
  expect(await redis.pttl(lock)).toBeGreaterThan(LOCK_MS - 5000);
  expect(await redis.pttl(lock)).toBeLessThanOrEqual(LOCK_MS);
  expect(await redis.lrange(queue.toKey('active'), '0', '-1')).toEqual(['one']);
});

test('a worker tracks the locks that it renews by job, so that a run which ends untracks a later one', async () => {
  const tokens: string[] = [];
  let tracked: string[][] = [];
  const { add, worker, queue } = startBullmq(
    async (job, token = '') => {
      tokens.push(token);
      if (job.attemptsStarted === 1) {
        await job.moveToDelayed(Date.now(), token);
        await waitUntil('the second run', () => tokens.length === 2);
        throw new DelayedError();
      }
      const atFirst = worker.locks.getTrackedJobIds();
      await waitUntil('the end of the first run', () => untrack.mock.calls.length > 0);
      tracked = [atFirst, worker.locks.getTrackedJobIds()];
    },
    { concurrency: 2 },
  );
  const untrack = vi.spyOn(worker.locks, 'untrackJob');
  await add('one');
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
  expect(new Set(tokens).size).toBe(2);
  expect(tracked).toEqual([['one'], []]);
});

test('a worker uses the lock manager of createLockManager, with half the lock as its interval', () => {
  const { worker } = startBullmq();
  expect(worker.locks).toBeInstanceOf(OpenLockManager);
  expect(worker.opts).toMatchObject({ lockDuration: LOCK_MS, lockRenewTime: LOCK_MS / 2 });
});

test('the lock manager renews the locks of trackedJobs by one call of extendLocks', async () => {
  const { fetchOne, worker, redis, queue } = startBullmq(null, { lockDuration: 2000 });
  await fetchOne();
  let renewing: string[] | undefined;
  worker.once('locksRenewed', () => {
    renewing = worker.locks.renewing;
  });
  const renewed = once(worker, 'locksRenewed');
  worker.locks.tracked.set('one', { token: TOKEN, ts: Date.now() - LOCK_MS });
  worker.locks.start();
  expect(await renewed).toEqual([{ count: 1, jobIds: ['one'] }]);
  expect(renewing).toEqual(['one']);
  expect(await redis.get(queue.toKey('one:lock'))).toBe(TOKEN);
});

test('a worker says which locks it could not renew, before extendLocks returns', async () => {
  const { add, worker, redis, queue } = startBullmq(
    async (_job, token = '') => {
      await redis.set(queue.toKey('one:lock'), 'another');
      await once(worker, 'lockRenewalFailed');
      await redis.set(queue.toKey('one:lock'), token);
    },
    { lockDuration: 200 },
  );
  let renewing: string[] | undefined;
  worker.once('lockRenewalFailed', () => {
    renewing = worker.locks.renewing;
  });
  const failed = once(worker, 'lockRenewalFailed');
  await add('one');
  expect(await failed).toEqual([['one']]);
  expect(renewing).toEqual(['one']);
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
