/**
 * The clock that all processes share. Every stored time comes from it, because the clocks of hosts
 * disagree and jump. It is the monotonic clock of the process plus an offset, and the offset comes
 * from Redis `TIME`.
 */
import type { Redis } from 'ioredis';

/** Clocks drift by tens of microseconds per second: in a minute that is a few milliseconds. */
const SYNC_INTERVAL_MS = 60_000;

/** Redis `TIME`, in milliseconds since 1970 and fractions of one. */
export async function redisTimeMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}

export interface Clock {
  /** Milliseconds since 1970, as Redis counts them. */
  now(): number;
}

export class RedisClock implements Clock {
  private offsetMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly redis: Redis;
  private readonly onReady = () => void this.sync().catch(() => {});

  private constructor(redis: Redis) {
    this.redis = redis;
  }

  /** Asks Redis now, every minute, and after every reconnection. */
  static async start(redis: Redis): Promise<RedisClock> {
    const clock = new RedisClock(redis);
    await clock.sync();
    redis.on('ready', clock.onReady);
    clock.timer = setInterval(clock.onReady, SYNC_INTERVAL_MS);
    clock.timer.unref();
    return clock;
  }

  now(): number {
    return Math.round(performance.now() + this.offsetMs);
  }

  /** Stops asking Redis. {@link now} goes on with the last offset. */
  stop(): void {
    clearInterval(this.timer);
    this.redis.off('ready', this.onReady);
  }

  private async sync(): Promise<void> {
    const asked = performance.now();
    const time = await redisTimeMs(this.redis);
    this.offsetMs = time - (asked + performance.now()) / 2;
  }
}
