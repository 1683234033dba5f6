/** Tells the HTTP server, by way of Redis, that this worker lives. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { HEARTBEAT_INTERVAL_MS, HEARTBEAT_TTL_MS } from '../../jobs/liveness.js';
import { heartbeatsKey } from '../../jobs/redis-keys.js';
import type { WorkerContext } from '../context.js';

/** Beats at once and from then on. A process whose event loop is stuck does not beat. */
export async function startHeartbeat({
  redis,
  config,
  clock,
}: Pick<WorkerContext, 'redis' | 'config' | 'clock'>): Promise<{ stop(): void }> {
  const key = heartbeatsKey(config.QUEUE_PREFIX);
  const id = `${hostname()}:${process.pid}:${randomUUID()}`;
  const beat = async () => {
    const now = clock.now();
    await redis
      .multi()
      .zadd(key, now, id)
      .zremrangebyscore(key, '-inf', now - HEARTBEAT_TTL_MS)
      .pexpire(key, HEARTBEAT_TTL_MS)
      .exec();
  };
  await beat();
  // Redis being away is for others to report; the next beat will do.
  const timer = setInterval(() => void beat().catch(() => {}), HEARTBEAT_INTERVAL_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      // The others learn of it soon; a Redis that hangs holds nobody up.
      redis.zrem(key, id).catch(() => {});
    },
  };
}
