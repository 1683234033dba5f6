import { type Job, Queue, Worker } from 'bullmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLogger } from '../../../src/logging.js';
import { connectRedis } from '../../../src/redis/worker-connection.js';
import { JobLease } from '../../../src/workers/runtime/job-lease.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';

const QUEUE = 'jobs';
const TOKEN = 'token';

/** A job that is active under {@link TOKEN}, and the lease on it. */
async function activeJob() {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), createLogger('silent'));
  const options = { connection: redis, prefix };
  const queue = new Queue(QUEUE, options);
  const worker = new Worker(QUEUE, null, options);
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  await queue.add('job', {}, { jobId: 'one' });
  const job: Job = await worker.getNextJob(TOKEN);
  const queueKey = `${prefix}:${QUEUE}`;
  const startedKey = `${prefix}:started`;
  const lease = new JobLease<{ startedAt: number }>({
    redis,
    queueKey,
    job,
    token: TOKEN,
    clock: { now: Date.now },
    digest: (state) => state,
    started: { key: startedKey, at: ({ startedAt }) => startedAt, extensionKey: () => null },
  });
  const lockKey = `${queueKey}:one:lock`;
  return {
    redis,
    queue,
    job,
    lease,
    lockKey,
    startedKey,
    there: `${prefix}:there`,
    notThere: `${prefix}:not`,
  };
}

it('a lease saves nothing when a key is there that must not be, and everything when it is not', async () => {
  const { redis, queue, lease, startedKey, there, notThere } = await activeJob();
  await redis.hset(there, 'a', 'b');
  lease.note('noted before');

  expect(await lease.saveIfAbsent([notThere, there], { startedAt: 1 }, 'ended')).toBe(false);
  expect((await queue.getJob('one'))?.progress).toBe(0);
  expect((await queue.getJobLogs('one')).logs).toEqual([]);
  expect(await redis.zscore(startedKey, 'one')).toBeNull();

  expect(await lease.saveIfAbsent([notThere], { startedAt: 1 }, 'ended')).toBe(true);
  expect((await queue.getJob('one'))?.progress).toEqual({ startedAt: 1 });
  expect((await queue.getJobLogs('one')).logs).toEqual([
    expect.stringMatching(/ noted before$/),
    expect.stringMatching(/ ended$/),
  ]);
  expect(await redis.zscore(startedKey, 'one')).toBe('1');
});

it('a lease saves nothing once its lock is lost', async () => {
  const { queue, redis, lease, lockKey } = await activeJob();
  await lease.save({ startedAt: 1 });
  await redis.set(lockKey, 'another');
  await expect(lease.save({ startedAt: 2 })).rejects.toThrow(/lock of job one was lost/);
  expect((await queue.getJob('one'))?.progress).toEqual({ startedAt: 1 });
});

it('a lease leaves a receipt without the lock only while the saved state waits for it', async () => {
  const { redis, lease, lockKey, notThere, there: key } = await activeJob();
  const receipt = { key, nonce: '777', value: 'answer', ttlMs: 60_000 };
  const read = [lockKey, notThere];
  expect(await lease.saveOrLeave({ startedAt: 777 }, receipt, { read })).toEqual({
    saved: [TOKEN, null],
  });
  expect(await redis.exists(key)).toBe(0);

  await redis.set(lockKey, 'another');
  expect(await lease.saveOrLeave({ startedAt: 2 }, { ...receipt, nonce: '778' })).toBe(
    'not-awaited',
  );
  expect(await redis.exists(key)).toBe(0);
  expect(await lease.saveOrLeave({ startedAt: 2 }, receipt)).toBe('left');
  expect(await redis.get(key)).toBe('answer');
  expect(await redis.pttl(key)).toBeGreaterThan(59_000);

  await redis.set(lockKey, TOKEN);
  await lease.save({ startedAt: 3 }, '', { spent: key });
  expect(await redis.exists(key)).toBe(0);
});

it('a lease counts once for each nonce, and keeps the last 400 days', async () => {
  const { redis, lease, there: key } = await activeJob();
  const days = Array.from({ length: 401 }, (_, n) => [`2025-${1000 + n}`, '1'] as const);
  await redis.hset(key, Object.fromEntries(days));
  const tally = { key, day: '2026-11-23', by: 5, nonce: '777' };
  await lease.save({ startedAt: 777 });
  await lease.save({ startedAt: 778 }, '', { tally });
  expect(await redis.hget(key, tally.day)).toBe('5');
  await lease.save({ startedAt: 778 }, '', { tally });
  expect(await redis.hget(key, tally.day)).toBe('5');
  expect(await redis.hlen(key)).toBe(400);
  expect(await redis.hmget(key, '2025-1001', '2025-1002')).toEqual([null, '1']);
});

it('a lease renews a lock that is no longer young, and finds out that it was lost', async () => {
  const { redis, lease, lockKey } = await activeJob();
  await redis.pexpire(lockKey, 5000);
  await lease.renew();
  expect(await redis.pttl(lockKey)).toBeLessThanOrEqual(5000);

  const opened = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(opened + 1000);
  // A clock that was set back is no reason to take the lock for young.
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
  onTestFinished(() => void vi.restoreAllMocks());
  await lease.renew();
  expect(await redis.pttl(lockKey)).toBeGreaterThan(5000);

  // It is young again: only who wants to know for sure asks.
  await redis.set(lockKey, 'another');
  await lease.renew();
  await expect(lease.renew({ always: true })).rejects.toThrow(/lock of job one was lost/);
  vi.spyOn(performance, 'now').mockReturnValue(opened + 2001);
  await expect(lease.renew()).rejects.toThrow(/lock of job one was lost/);
});

it('a lease knows when its lock may have run out since it was renewed', async () => {
  const { lease } = await activeJob();
  const opened = performance.now();
  const at = (ms: number) => void vi.spyOn(performance, 'now').mockReturnValue(opened + ms);
  onTestFinished(() => void vi.restoreAllMocks());
  at(7000);
  expect(lease.isSurelyHeld()).toBe(true);
  at(8000);
  expect(lease.isSurelyHeld()).toBe(false);
  await lease.renew();
  expect(lease.isSurelyHeld()).toBe(true);
});
