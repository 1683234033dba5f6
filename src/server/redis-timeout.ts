import { RedisUnavailableError } from '../errors.js';
import { REDIS_TIMEOUT_MS } from './limits.js';

/** Waits for a reply of Redis, for a limited time. @throws RedisUnavailableError. */
export async function withRedisTimeout<T>(reply: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new RedisUnavailableError(`Redis did not answer within ${REDIS_TIMEOUT_MS} ms`)),
      REDIS_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([reply, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
