import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type ClientQueues, openQueues } from '../../src/batches/client-queues.js';
import { borrowLink } from '../../src/redis/client-link.js';
import { type TestRedis, testRedis } from './redis.js';

/** Queues under a prefix of their own, or under that of a system, closed when the test ends. */
export function openTestQueues({ url, prefix }: TestRedis = testRedis()): {
  queues: ClientQueues;
  redis: Redis;
  url: string;
  prefix: string;
} {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const queues = openQueues(borrowLink(redis), prefix);
  onTestFinished(async () => {
    await queues.close();
    redis.disconnect();
  });
  return { queues, redis, url, prefix };
}
