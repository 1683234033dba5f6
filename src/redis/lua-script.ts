/** The way to run Lua in Redis, and the time limit for the state that all processes share there. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { TransientError } from '../errors.js';
import { withTimeout } from '../timeouts.js';

/** Redis answers in a millisecond; beyond this a job is better off waiting in its queue. */
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

/** A Lua script, sent by its digest, and as text when Redis does not know it yet. */
export class LuaScript<Reply = unknown> {
  private readonly digest: string;

  /** `Reply` is what the script returns: nothing checks it. */
  constructor(private readonly lua: string) {
    this.digest = createHash('sha1').update(lua).digest('hex');
  }

  /** Waits for Redis as long as the connection does; {@link fromRedis} bounds it. */
  run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    return redis.evalsha(this.digest, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...args);
    }) as Promise<Reply>;
  }
}
