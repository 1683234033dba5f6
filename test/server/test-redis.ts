import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';

/** A connection that is closed when the test ends. */
export async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}
