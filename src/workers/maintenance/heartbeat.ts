/** Tells the others, by way of Redis, that this worker lives and how, and sees which of them do. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { SILENCE_FIELDS, silenceOf } from '../../batches/callback-silence.js';
import {
  callbacksMissedKey,
  deadlineMsKey,
  heartbeatsKey,
  receiptsWantedKey,
  workerReportKey,
} from '../../jobs/keys/redis-keys.js';
import { HEARTBEAT_INTERVAL_MS, HEARTBEAT_TTL_MS } from '../../jobs/liveness.js';
import type { WorkerReport } from '../../jobs/worker-report.js';
import type { Clock } from '../../redis/clock.js';
import type { BucketRules } from './bucket-rules.js';
import { HeartbeatWatch } from './heartbeat-watch.js';
import type { StoresRead } from './stores-read.js';

interface HeartbeatOptions {
  redis: Redis;
  config: { QUEUE_PREFIX: string; BATCH_DEADLINE_MS: number };
  clock: Clock;
  bucketRules: Pick<BucketRules, 'tell'>;
  storesRead: Pick<StoresRead, 'tell'>;
  /** What is told of this worker. */
  report(): WorkerReport;
  sentUploads: { answer(questions: readonly string[]): Promise<void> };
}

/** Deadlines are shown also where no worker has lived for a while, as over a long weekend. */
const DEADLINE_TTL_MS = 7 * 24 * 3600 * 1000;

export interface Heartbeat {
  /** What this worker is called among all workers. */
  readonly id: string;
  /** Atlas has stopped calling, as the last beat read it. */
  readonly callbacksAreSilent: boolean;
  /** Whether the worker of this id counts as dead; see {@link HeartbeatWatch}. */
  isSilent(id: string): boolean;
  /** Of the last beat of a worker, Redis time in ms; null when none was seen. */
  lastBeatOf(id: string): number | null;
  /** Workers that count as dead, as long as they are remembered. */
  readonly silentCount: number;
  /** The others learn of it soon; a Redis that hangs holds nobody up. */
  stop(): void;
}

/** Beats at once and from then on. A process whose event loop is stuck does not beat. */
export async function startHeartbeat({
  redis,
  config,
  clock,
  bucketRules,
  storesRead,
  report,
  sentUploads,
}: HeartbeatOptions): Promise<Heartbeat> {
  const key = heartbeatsKey(config.QUEUE_PREFIX);
  const id = `${hostname()}:${process.pid}:${randomUUID()}`;
  const wantedKey = receiptsWantedKey(config.QUEUE_PREFIX, id);
  const reportKey = workerReportKey(config.QUEUE_PREFIX, id);
  const deadlineKey = deadlineMsKey(config.QUEUE_PREFIX);
  const missedKey = callbacksMissedKey(config.QUEUE_PREFIX);
  const watch = new HeartbeatWatch();
  let callbacksAreSilent = false;
  const beat = async () => {
    const began = performance.now();
    const now = clock.now();
    const replies = await storesRead
      .tell(bucketRules.tell(redis.multi()))
      .zadd(key, now, id)
      .zremrangebyscore(key, '-inf', now - HEARTBEAT_TTL_MS)
      .pexpire(key, HEARTBEAT_TTL_MS)
      .set(reportKey, JSON.stringify(report()), 'PX', HEARTBEAT_TTL_MS)
      .set(deadlineKey, config.BATCH_DEADLINE_MS, 'PX', DEADLINE_TTL_MS)
      .hmget(missedKey, ...SILENCE_FIELDS)
      .zrange(key, 0, '-1', 'WITHSCORES')
      .smembers(wantedKey)
      .exec();
    const refused = replies?.find(([error]) => error !== null)?.[0];
    if (refused) throw refused;
    const [[, missed] = [], [, scores] = [], [, questions] = []] = replies?.slice(-3) ?? [];
    callbacksAreSilent = silenceOf(missed as (string | null)[]) !== null;
    watch.saw(toScores(scores), { began, ended: performance.now() });
    await sentUploads.answer(questions as string[]);
  };
  await beat();
  // Redis being away is for others to report; the next beat will do.
  const timer = setInterval(() => void beat().catch(() => watch.missed()), HEARTBEAT_INTERVAL_MS);
  timer.unref();
  return {
    id,
    get callbacksAreSilent() {
      return callbacksAreSilent;
    },
    isSilent: (other) => watch.isSilent(other),
    lastBeatOf: (other) => watch.lastBeatOf(other),
    get silentCount() {
      return watch.silentCount;
    },
    stop() {
      clearInterval(timer);
      redis
        .multi()
        .zrem(key, id)
        .del(reportKey)
        .exec()
        .catch(() => {});
    },
  };
}

/** Member and score by turns, or in pairs. */
function toScores(reply: unknown): Map<string, string> {
  const flat = (reply as unknown[]).flat().map(String);
  return new Map(
    flat.flatMap((id, i): [string, string][] => (i % 2 === 0 ? [[id, flat[i + 1] ?? '']] : [])),
  );
}
