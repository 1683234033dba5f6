/**
 * One clock for all processes: Redis `TIME` plus a monotonic offset. Hosts' clocks jump and
 * disagree; every stored time comes from here.
 */
import type { Redis } from 'ioredis';

/** Crystals drift by tens of microseconds a second: a minute keeps the error far below a poll. */
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

  /** Asks Redis once, and again from time to time and after every reconnection. */
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

  /** Stops asking; {@link now} goes on with the last offset. */
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
