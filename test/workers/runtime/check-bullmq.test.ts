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
  await checkBullmq(redis, prefix, Date);
  expect(await keys()).toEqual([]);
});

test.each([
  ['a job is a hash with data and timestamp', { hmget: async () => [null, null] }],
  ['a job is locked by its token', { get: async () => null }],
  ['progress is a field of the job', { hget: async () => null }],
  ['a fetch goes by the time that it is given', { hmget: async () => ['{"n":1}', '1'] }],
  ['a job that sleeps is in the set of delayed ones by its time', { zrange: async () => [] }],
  ['an ended job is in its set by its time', { zscore: async () => null }],
  ['a job with a priority is in a set of its own', { zrangebyscore: async () => [] }],
  ['a marker tells whoever waits that there is a job', { zcard: async () => 0 }],
  ['a job has a set of those that it waits for', { smembers: async () => [] }],
  ['a job that waits for others is in the set of these', { zrevrange: async () => [] }],
])(
  'the check of BullMQ says in one sentence that it is not so that %s, and leaves nothing there',
  async (what, otherwise) => {
    const { redis, prefix, keys } = connect();
    Object.assign(redis, otherwise);
    const error = await checkBullmq(redis, prefix, Date).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RedisUnavailableError);
    expect(error.message).toMatch(
      /^Redis at \S+ with the bullmq that is installed does not do .*; install the bullmq/,
    );
    expect(error.message).toContain(`(${what})`);
    expect(await keys()).toEqual([]);
  },
);

test.each(['hget', 'zrange', 'smembers'] as const)(
  'the check of BullMQ passes in a process that stood still for a minute at %s, and leaves nothing there',
  async (command) => {
    const { redis, prefix, keys } = connect();
    let aged = 0;
    // To Redis, time that passes is time that its keys have less.
    const standStill = async (...args: never[]) => {
      for (const lock of (await keys()).filter((key) => key.endsWith(':lock'))) {
        await redis.pexpire(lock, (await redis.pttl(lock)) - 60_000);
        aged += 1;
      }
      return Reflect.apply(Redis.prototype[command], redis, args);
    };
    Object.assign(redis, { [command]: standStill });
    await checkBullmq(redis, prefix, Date);
    expect(aged).toBeGreaterThan(0);
    expect(await keys()).toEqual([]);
  },
);

test.each(['hmget', 'hget', 'zrange', 'smembers', 'zrevrange'] as const)(
  'a start removes what a check has left an hour ago whose process died at %s, and no younger one',
  async (command) => {
    const { redis, prefix, keys } = connect();
    const dying = new Redis(testRedis().url, { maxRetriesPerRequest: null });
    const die = async () => {
      dying.disconnect();
      throw new Error('it died');
    };
    Object.assign(dying, { [command]: die });
    const diedAt = Date.now();
    await expect(checkBullmq(dying, prefix, { now: () => diedAt })).rejects.toThrow();
    const left = await keys();
    expect(left.length).toBeGreaterThan(3);

    await checkBullmq(redis, prefix, { now: () => diedAt + 3_599_999 });
    expect((await keys()).sort()).toEqual(left.sort());

    await checkBullmq(redis, prefix, { now: () => diedAt + 3_600_001 });
    expect(await keys()).toEqual([]);
  },
);
