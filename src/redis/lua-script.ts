/** The way to run Lua in Redis. */
import { createHash } from 'node:crypto';
import type { ChainableCommander, Redis } from 'ioredis';

/** A piece of a script, with `KEYS` and `ARGV` of its own. */
export interface LuaPart {
  lua: string;
  keys: readonly string[];
  args: readonly (string | number)[];
}

/** A Lua script, sent by its digest, and as text when Redis does not know it yet. */
export class LuaScript<Reply = unknown> {
  private readonly digest: string;

  /** `Reply` is what the script returns: nothing checks it. */
  constructor(private readonly lua: string) {
    this.digest = createHash('sha1').update(lua).digest('hex');
  }

  /** Waits for Redis as long as the connection does. */
  run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    return redis.evalsha(this.digest, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...args);
    }) as Promise<Reply>;
  }

  /** Adds it as text: of a digest that Redis does not know it would say so when it is too late. */
  addTo(
    pipeline: ChainableCommander,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): void {
    pipeline.eval(this.lua, keys.length, ...keys, ...args);
  }
}
