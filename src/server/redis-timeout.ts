import { RedisUnavailableError } from '../errors.js';
import { withTimeout } from '../timeouts.js';
import { REDIS_TIMEOUT_MS } from './limits.js';

/** Waits for a reply of Redis, for a limited time. @throws RedisUnavailableError. */
export function withRedisTimeout<T>(reply: Promise<T>): Promise<T> {
  return withTimeout(reply, REDIS_TIMEOUT_MS, () => {
    throw new RedisUnavailableError(`Redis did not answer within ${REDIS_TIMEOUT_MS} ms`);
  });
}
