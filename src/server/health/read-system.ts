/** Reads how the whole of it stands, from Redis only: what every page says first. */
import { type CallbackSilence, SILENCE_FIELDS, silenceOf } from '../../batches/callback-silence.js';
import type { ClientQueues } from '../../batches/client-queues.js';
import {
  type DocumentsToday,
  type Quota,
  readDocumentsToday,
} from '../../batches/documents-today.js';
import { pauseOf } from '../../batches/pause.js';
import { type LineReason, whyLineWaits } from '../../gate/line.js';
import type { Pause } from '../../gate/pause-record.js';
import { callbacksMissedKey, heartbeatsKey, workerReportKey } from '../../jobs/keys/redis-keys.js';
import { HEARTBEAT_TTL_MS } from '../../jobs/liveness.js';
import { readWorkerReport, type WorkerReport } from '../../jobs/worker-report.js';
import { memoryUsedRatio } from '../../redis/findings.js';
import { redisNow, withRedisTimeout } from './read-liveness.js';

/** A worker that is alive. */
export interface LivingWorker {
  /** As other workers call it. */
  id: string;
  /** Null of one that is older than reports. */
  report: WorkerReport | null;
}

export interface SystemState {
  /** Redis time in ms. */
  now: number;
  workers: readonly LivingWorker[];
  /** Somebody has stopped the sending; null when batches are sent. */
  pause: Pause | null;
  /** Share of its memory that Redis uses; null where it does not say. */
  memoryUsedRatio: number | null;
  today: DocumentsToday;
  /** Why the head of the line waits; null when nothing is in line. */
  lineWaitsFor: LineReason | null;
  /** Null while Atlas calls, or is not expected to. */
  silence: CallbackSilence | null;
}

/** @throws RedisUnavailableError when Redis does not answer in time. */
export function readSystem(queues: ClientQueues, quota: Quota): Promise<SystemState> {
  return withRedisTimeout(queues.link.run(() => read(queues, quota)));
}

async function read(queues: ClientQueues, quota: Quota): Promise<SystemState> {
  const { link, prefix } = queues;
  const { redis } = link;
  const now = await redisNow(queues);
  const [ids, pause, info, today, lineWaitsFor, missed] = await Promise.all([
    redis.zrangebyscore(heartbeatsKey(prefix), now - HEARTBEAT_TTL_MS, '+inf'),
    pauseOf(queues),
    redis.info('memory'),
    readDocumentsToday(queues, quota),
    whyLineWaits(redis, prefix),
    redis.hmget(callbacksMissedKey(prefix), ...SILENCE_FIELDS),
  ]);
  const reports =
    ids.length === 0 ? [] : await redis.mget(ids.map((id) => workerReportKey(prefix, id)));
  return {
    now,
    workers: ids.map((id, i) => ({ id, report: readWorkerReport(reports[i] ?? null) })),
    pause,
    memoryUsedRatio: memoryUsedRatio(info),
    today,
    lineWaitsFor,
    silence: silenceOf(missed),
  };
}
