/** Who stands still between finding a batch and asking something of it, while somebody erases it. */
import { expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.js';
import { wakeBatch } from '../../src/batches/wake.js';
import { cancelKey, wakeKey } from '../../src/jobs/keys/redis-keys.js';
import { redisTimeMs } from '../../src/redis/clock.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';

const ASKED = { reason: 'test', by: { name: 'ned', via: 'cli' } } as const;

/** @param meanwhile Done as soon as the batch was found. */
async function start(batch: PlantedBatch, meanwhile: Record<string, string> | 'erased') {
  const { queues, redis, prefix } = openTestQueues();
  const { batches } = queues;
  await plant(queues, [batch]);
  const key = batches.toKey(`batch-${batch.reference}`);
  const then = async () => {
    if (meanwhile === 'erased') {
      await redis.unlink(key);
      await redis.lrem(batches.toKey('wait'), 0, `batch-${batch.reference}`);
    } else if (Object.keys(meanwhile).length > 0) await redis.hset(key, meanwhile);
  };
  const hmget = redis.hmget.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  const getJob = batches.getJob.bind(batches);
  Object.assign(redis, {
    hmget: async (...args: unknown[]) => {
      const found = await hmget(...args);
      await then();
      return found;
    },
  });
  Object.assign(batches, {
    getJob: async (id: string) => {
      const found = await getJob(id);
      await then();
      return found;
    },
  });
  return { queues, redis, prefix };
}

it('a wake sets its flag, and leaves nothing of a batch that was erased since it was found', async () => {
  const gone = await start({ reference: 'loan-8841' }, 'erased');
  expect(await wakeBatch(gone.queues, 'loan-8841')).toBe('unknown');
  expect(await dumpRedis(gone.redis, gone.prefix)).not.toContain('loan-8841');

  const { queues, redis, prefix } = await start({ reference: 'loan-1' }, {});
  const before = await redisTimeMs(redis);
  expect(await wakeBatch(queues, 'loan-1')).toBe('woken');
  const wokenAt = (await redis.get(wakeKey(prefix, 'loan-1'))) ?? '';
  expect(wokenAt).toMatch(/^\d+$/);
  expect(Number(wokenAt)).toBeGreaterThanOrEqual(before);
  expect(Number(wokenAt)).toBeLessThanOrEqual((await redisTimeMs(redis)) + 1);
});

it('a cancel leaves nothing of a batch that was erased, was added again or has ended since it was found', async () => {
  const cancel = async (meanwhile: Record<string, string> | 'erased') => {
    const { queues, redis, prefix } = await start({ reference: 'loan-8841' }, meanwhile);
    const { status } = await cancelBatch(queues, 'loan-8841', ASKED);
    const flags = [cancelKey(prefix, 'loan-8841'), `${prefix}:cancelled`];
    return { status, flags: await redis.exists(...flags), redis, prefix };
  };
  const { redis, prefix, ...erased } = await cancel('erased');
  expect(erased).toEqual({ status: 'unknown', flags: 0 });
  expect(await dumpRedis(redis, prefix)).not.toContain('loan-8841');
  expect(await cancel({ timestamp: '2' })).toMatchObject({ status: 'unknown', flags: 0 });
  expect(await cancel({ finishedOn: '3' })).toMatchObject({ status: 'ended', flags: 0 });
  expect(await cancel({ timestamp: '1.5' })).toMatchObject({ status: 'cancelling', flags: 2 });
});

it('a cancel is meant for the run that is there when it is asked for, also after a retry since the batch was found', async () => {
  const retried = { atm: '3', ats: '4' };
  const { queues, redis, prefix } = await start({ reference: 'loan-8841' }, retried);
  expect((await cancelBatch(queues, 'loan-8841', ASKED)).status).toBe('cancelling');
  const flag = (await redis.get(cancelKey(prefix, 'loan-8841'))) ?? '';
  expect(JSON.parse(flag)).toEqual({ reason: 'test', by: 'ned', timestamp: 1, attemptsMade: 3 });
});
