import { RedisUnavailableError } from '../errors.js';
import { REDIS_PATIENCE_MS } from './limits.js';

/** Waits for Redis as long as the one who asks is patient. @throws RedisUnavailableError. */
export async function withPatience<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(new RedisUnavailableError(`Redis did not answer within ${REDIS_PATIENCE_MS} ms`)),
      REDIS_PATIENCE_MS,
    );
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
