import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { markRun } from '../../src/batches/retry.js';
import { runModeKey } from '../../src/jobs/keys/redis-keys.js';
import { testRedis } from '../helpers/redis.js';

it('an operator who retries at the same time as a late document wins, and nothing is noted of a job that is gone', async () => {
  const { url, prefix } = testRedis();
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const batches = new Queue('atlas-batches', { connection: redis, prefix });
  onTestFinished(async () => {
    await batches.close();
    redis.disconnect();
  });
  const space = { redis, prefix, batches };
  const { timestamp } = await batches.add('batch', {}, { jobId: 'batch-x' });
  const job = { timestamp, attemptsMade: 1 };
  const modeOf = async () => JSON.parse((await redis.get(runModeKey(prefix, 'x'))) ?? '{}').mode;
  // It runs.
  expect(await markRun(space, job, 'x', 'late')).toBe(false);
  // BullMQ leaves out what a producer wrote behind the point.
  await redis.hset(batches.toKey('batch-x'), { finishedOn: 1, timestamp: timestamp + 0.5 });
  expect(await markRun(space, job, 'x', 'late')).toBe(true);
  expect(await markRun(space, job, 'x', 'operator')).toBe(true);
  expect(await markRun(space, job, 'x', 'late')).toBe(false);
  expect(await modeOf()).toBe('operator');
  // Of another run it says nothing.
  expect(await markRun(space, { ...job, attemptsMade: 2 }, 'x', 'late')).toBe(true);
  expect(await markRun(space, { ...job, timestamp: 7 }, 'x', 'operator')).toBe(false);
  await redis.del(batches.toKey('batch-x'), runModeKey(prefix, 'x'));
  expect(await markRun(space, job, 'x', 'operator')).toBe(false);
  expect(await redis.exists(runModeKey(prefix, 'x'))).toBe(0);
});
