/** Reads which workers are alive and which batches are in flight: a few commands, no scans. */
import type { ClientQueues } from '../../batches/client-queues.js';
import { pauseOf } from '../../batches/pause.js';
import { RedisUnavailableError } from '../../errors.js';
import { type Line, readLine } from '../../gate/line.js';
import type { Pause } from '../../gate/pause-record.js';
import { heartbeatsKey, startedKey } from '../../jobs/keys/redis-keys.js';
import { HEARTBEAT_TTL_MS } from '../../jobs/liveness.js';
import { redisTimeMs } from '../../redis/clock.js';
import { tryWrite } from '../../redis/write-gate.js';
import { withTimeout } from '../../timeouts.js';
import { REDIS_TIMEOUT_MS } from '../limits.js';
import { hashesOf } from './read-hashes.js';

/** A batch that has used this share of the time until its deadline is near it. */
const NEAR_DEADLINE_SHARE = 0.8;
/** Entries of removed batches that one reading checks and removes. */
const LEFTOVERS_AT_ONCE = 20;

export interface Liveness {
  /** Number of workers that are alive. */
  workers: number;
  /** Batches that have begun, have not ended and do not wait in line; `oldestMs` is the age of their oldest run. */
  inFlight: { count: number; oldestMs: number; nearDeadline: number };
  /** What waits at the gate. */
  line: Line;
  /** Somebody has stopped the sending; null when batches are sent. */
  pause: Pause | null;
}

/** Waits for a reply of Redis, for a limited time. @throws RedisUnavailableError. */
export function withRedisTimeout<T>(reply: Promise<T>): Promise<T> {
  return withTimeout(reply, REDIS_TIMEOUT_MS, () => {
    throw new RedisUnavailableError(`Redis did not answer within ${REDIS_TIMEOUT_MS} ms`);
  });
}

/** Redis's own time, in ms since 1970. */
export async function redisNow({ link }: ClientQueues): Promise<number> {
  return Math.floor(await redisTimeMs(link.redis));
}

/** @throws RedisUnavailableError when Redis does not answer in time. */
export function readLiveness(queues: ClientQueues, deadlineMs: number): Promise<Liveness> {
  return withRedisTimeout(queues.link.run(() => read(queues, deadlineMs)));
}

/**
 * Writes too, as callbacks and what operators ask for do.
 * @returns the number of workers that are alive
 * @throws RedisUnavailableError when Redis does not answer in time, or takes no writes.
 */
export function tryRedis(queues: ClientQueues): Promise<number> {
  const { link, prefix } = queues;
  const attempt = async () => {
    const [now] = await Promise.all([redisNow(queues), tryWrite(link.redis, prefix)]);
    return aliveWorkers(queues, now);
  };
  return withRedisTimeout(link.run(attempt));
}

function aliveWorkers({ link, prefix }: ClientQueues, now: number): Promise<number> {
  return link.redis.zcount(heartbeatsKey(prefix), now - HEARTBEAT_TTL_MS, '+inf');
}

async function read(queues: ClientQueues, deadlineMs: number): Promise<Liveness> {
  const { link, prefix } = queues;
  const { redis } = link;
  const key = startedKey(prefix);
  const [now] = await Promise.all([redisNow(queues), clearLeftovers(queues)]);
  const [workers, count, nearDeadline, oldest, line, pause] = await Promise.all([
    aliveWorkers(queues, now),
    redis.zcard(key),
    redis.zcount(key, '-inf', now - NEAR_DEADLINE_SHARE * deadlineMs),
    redis.zrange(key, '0', '0', 'WITHSCORES'),
    readLine(redis, prefix, now),
    pauseOf(queues),
  ]);
  const oldestMs = oldest[1] === undefined ? 0 : Math.max(0, now - Number(oldest[1]));
  return { workers, inFlight: { count, oldestMs, nearDeadline }, line, pause };
}

/**
 * Removes the entries of batch jobs that were removed by hand. Only the oldest entries are checked:
 * an entry that stays becomes one of them.
 */
async function clearLeftovers({ link, prefix, batches }: ClientQueues): Promise<void> {
  const oldest = await link.redis.zrange(startedKey(prefix), '0', `${LEFTOVERS_AT_ONCE - 1}`);
  const keys = oldest.map((jobId) => batches.toKey(jobId));
  const alive = await hashesOf(link.redis, keys, ['name', 'finishedOn']);
  const gone = oldest.filter((_, i) => {
    const [name = null, finishedOn = null] = alive[i] ?? [];
    return name === null || finishedOn !== null;
  });
  if (gone.length > 0) await link.redis.zrem(startedKey(prefix), ...gone);
}
