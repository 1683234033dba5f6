/** The time limit for the state that all processes share in Redis: token, budget and block. */
import { TransientError } from '../errors.js';
import { withTimeout } from '../timeouts.js';

/** Redis answers in a millisecond. If it takes longer than this, the job waits in its queue. */
const REDIS_TIMEOUT_MS = 5_000;
/** A restart of Redis takes about that long. */
const REDIS_RETRY_MS = 1_000;

/**
 * The reply of Redis, or a TransientError (nothing was taken) when it fails or is late. Without the
 * limit a call would hang for as long as the connection is away: ioredis holds commands back then.
 */
export async function fromRedis<T>(reply: Promise<T>): Promise<T> {
  try {
    return await withTimeout(reply, REDIS_TIMEOUT_MS, () => {
      throw new Error('late');
    });
  } catch {
    // The cause stays here: errors of ioredis carry the command and its arguments.
    throw new TransientError(
      'ATLAS_UNAVAILABLE',
      'Redis gave no answer about the state that requests to Atlas share',
      { retryAfterMs: REDIS_RETRY_MS },
    );
  }
}
