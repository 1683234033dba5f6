import type { Redis } from 'ioredis';

/**
 * All keys under a prefix with all that they hold, as one text. Of streams that is every byte that Redis keeps: what
 * was deleted from one may lie there still.
 */
export async function dumpRedis(redis: Redis, prefix: string): Promise<string> {
  const parts: unknown[] = [];
  // Compressed bytes could not be searched.
  await redis.config('SET', 'rdbcompression', 'no');
  for (const key of await redis.keys(`${prefix.replace(/[[\]]/g, '?')}*`)) {
    const type = await redis.type(key);
    const read: Record<string, () => Promise<unknown>> = {
      string: () => redis.get(key),
      hash: () => redis.hgetall(key),
      list: () => redis.lrange(key, 0, -1),
      set: () => redis.smembers(key),
      zset: () => redis.zrange(key, 0, '-1', 'WITHSCORES'),
      stream: async () => (await redis.dumpBuffer(key)).toString('latin1'),
    };
    parts.push(key, await read[type]?.());
  }
  return JSON.stringify(parts);
}
