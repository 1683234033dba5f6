/**
 * The way to the state that all processes share in Redis. A Redis that is away must be a
 * transient error, before anything was sent to Atlas, and never a call that hangs: a connection that
 * is being made again holds commands back for as long as it takes.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { TransientError } from '../errors.js';

/** Redis answers in a millisecond; beyond this a job is better off waiting in its queue. */
const REDIS_TIMEOUT_MS = 5_000;
/** A restart of Redis takes about that long. */
const REDIS_RETRY_MS = 1_000;

/** The reply of Redis, or TransientError (nothing was taken) when it fails or is late. */
export async function fromRedis<T>(reply: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('late')), REDIS_TIMEOUT_MS);
  });
  try {
    return await Promise.race([reply, late]);
  } catch {
    // The cause stays here: errors of ioredis carry the command and its arguments.
    throw new TransientError(
      'ATLAS_UNAVAILABLE',
      'Redis gave no answer about the state that requests to Atlas share',
      { retryAfterMs: REDIS_RETRY_MS },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** A Lua script, sent by its digest and only once as text. */
export class SharedScript {
  private readonly digest: string;

  constructor(private readonly lua: string) {
    this.digest = createHash('sha1').update(lua).digest('hex');
  }

  async run(redis: Redis, keys: string[], args: (string | number)[]): Promise<unknown> {
    return fromRedis(
      redis.evalsha(this.digest, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return redis.eval(this.lua, keys.length, ...keys, ...args);
      }),
    );
  }
}
