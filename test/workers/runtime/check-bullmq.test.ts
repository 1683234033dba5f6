import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { RedisUnavailableError } from '../../../src/errors.js';
import { checkBullmq } from '../../../src/workers/runtime/check-bullmq.js';
import { testRedis } from '../../helpers/redis.js';

function connect() {
  const { url, prefix } = testRedis();
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  onTestFinished(() => redis.disconnect());
  const keys = () => redis.keys(`${prefix.replace(/[{}]/g, '?')}:*`);
  return { redis, prefix, keys };
}

test('the check of BullMQ passes on a good Redis and leaves nothing there', async () => {
  const { redis, prefix, keys } = connect();
  await checkBullmq(redis, prefix);
  expect(await keys()).toEqual([]);
});

test('the check of BullMQ says in one sentence what is otherwise, and leaves nothing there', async () => {
  const { redis, prefix, keys } = connect();
  redis.zscore = async () => null;
  const error = await checkBullmq(redis, prefix).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(RedisUnavailableError);
  expect(error.message).toMatch(
    /^Redis at \S+ with the bullmq that is installed does not do .*\(an ended job is in its set by its time\); install/,
  );
  expect(await keys()).toEqual([]);
});
