import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { TestRedis } from '../helpers/redis.js';

/** A connection of its own, as another process would have; closed with the test. */
export function connect({ url }: TestRedis): Redis {
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Every key of a test with its value, and its life left in milliseconds (-1: for ever). */
export async function contents(
  redis: Redis,
  prefix: string,
): Promise<{ key: string; value: string; ttl: number }[]> {
  const keys = await redis.keys(`${prefix}*`);
  return Promise.all(
    keys.map(async (key) => ({
      key,
      value:
        (await redis.type(key)) === 'hash'
          ? JSON.stringify(await redis.hgetall(key))
          : ((await redis.get(key)) ?? ''),
      ttl: await redis.pttl(key),
    })),
  );
}
