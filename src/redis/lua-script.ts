/** The way to run Lua in Redis. */
import { createHash } from 'node:crypto';
import type { ChainableCommander, Redis } from 'ioredis';

/** A piece of a script, with `KEYS` and `ARGV` of its own. */
export interface LuaPart {
  lua: string;
  /** An expression: whether it is to be done, asked before the rest of the script. Default: it is. */
  when?: string;
  keys: readonly string[];
  args: readonly (string | number)[];
}

/** Lets a script write in a Redis that is full. Redis 7 and Valkey know it. */
const WHEN_FULL = '#!lua flags=allow-oom\n';
/** What an older Redis, or another server that speaks like one, says to that line. */
const UNKNOWN_LINE = /^ERR .*(?:near '#'|shebang|\bflags?\b)/i;
/** Connections to servers that do not know it: they are not asked again each time. */
const withoutFlags = new WeakSet<Redis>();

/** A Lua script, sent by its digest, and as text when Redis does not know it yet. */
export class LuaScript<Reply = unknown> {
  private readonly digest: string;
  private readonly whenFull: LuaScript<Reply> | undefined;

  /**
   * `Reply` is what the script returns: nothing checks it.
   * @param options `whenFull`: it writes little, and what must not be lost. It runs in a Redis that is full
   * too, where the server can be told so; elsewhere that Redis refuses it, as it does other scripts.
   */
  constructor(
    private readonly lua: string,
    options: { whenFull?: boolean } = {},
  ) {
    this.digest = createHash('sha1').update(lua).digest('hex');
    if (options.whenFull) this.whenFull = new LuaScript(WHEN_FULL + lua);
  }

  /** Waits for Redis as long as the connection does. */
  async run(
    redis: Redis,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    if (this.whenFull && !withoutFlags.has(redis)) {
      try {
        return await this.whenFull.run(redis, keys, args);
      } catch (error) {
        if (!isReply(error, UNKNOWN_LINE)) throw error;
        withoutFlags.add(redis);
      }
    }
    return redis.evalsha(this.digest, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!isReply(error, /^NOSCRIPT/)) throw error;
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

function isReply(error: unknown, pattern: RegExp): boolean {
  return error instanceof Error && pattern.test(error.message);
}
