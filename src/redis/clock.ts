/**
 * The clock that all processes share. Every stored time comes from it, because the clocks of hosts
 * disagree and jump. It is the monotonic clock of the process plus an offset, and the offset comes
 * from Redis `TIME`.
 */
import type { Redis } from 'ioredis';

/** Clocks drift by tens of microseconds per second: in a minute that is a few milliseconds. */
const SYNC_INTERVAL_MS = 60_000;
/**
 * The middle of a round trip is wrong by up to half of it. One that takes longer, because Redis or this
 * process was busy, says less than the offset that is known.
 */
const MAX_ROUND_TRIP_MS = 50;
/** Samples at the start, where none is known: of a slow way the best one counts. */
const FIRST_SAMPLES = 5;

/** Redis `TIME`, in milliseconds since 1970 and fractions of one. */
export async function redisTimeMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}

export interface Clock {
  /** Milliseconds since 1970, as Redis counts them. */
  now(): number;
}

export interface RedisClock extends Clock {
  /** Stops asking Redis. {@link Clock.now} goes on with the last offset. */
  stop(): void;
}

/** Asks Redis now, every minute, and after every reconnection. */
export async function startRedisClock(redis: Redis): Promise<RedisClock> {
  let offsetMs = 0;
  let roundTripMs = Number.POSITIVE_INFINITY;
  const sync = async () => {
    const asked = performance.now();
    const time = await redisTimeMs(redis);
    const answered = performance.now();
    const tookMs = answered - asked;
    const offset = time - (asked + answered) / 2;
    // What both cannot be right about, as after a failover to a host with another clock, the newer one is.
    const contradicts = Math.abs(offset - offsetMs) > (tookMs + roundTripMs) / 2;
    if (tookMs > Math.max(MAX_ROUND_TRIP_MS, roundTripMs) && !contradicts) return;
    roundTripMs = tookMs;
    offsetMs = offset;
  };
  for (let n = 0; n < FIRST_SAMPLES && roundTripMs > MAX_ROUND_TRIP_MS; n += 1) await sync();
  const syncAgain = () => void sync().catch(() => {});
  redis.on('ready', syncAgain);
  const timer = setInterval(syncAgain, SYNC_INTERVAL_MS);
  timer.unref();
  return {
    now: () => Math.round(performance.now() + offsetMs),
    stop() {
      clearInterval(timer);
      redis.off('ready', syncAgain);
    },
  };
}

/** The clock of the host, until it is started, and where Redis does not say its time. */
export function hostClockAtFirst(redis: Redis): RedisClock & { start(): Promise<void> } {
  let clock: RedisClock | undefined;
  let isStopped = false;
  return {
    now: () => clock?.now() ?? Date.now(),
    async start() {
      clock = await startRedisClock(redis).catch(() => undefined);
      if (isStopped) clock?.stop();
    },
    stop() {
      isStopped = true;
      clock?.stop();
    },
  };
}
