/** Reads how the whole of it stands, from Redis only: what every page says first. */
import { type CallbackSilence, SILENCE_FIELDS, silenceOf } from '../../batches/callback-silence.js';
import type { ClientQueues } from '../../batches/client-queues.js';
import {
  type DocumentsToday,
  type Quota,
  readDocumentsToday,
} from '../../batches/documents-today.js';
import { pauseOf } from '../../batches/pause.js';
import { type Config, hasCallbacks } from '../../config/config.js';
import { type LineReason, whyLineWaits } from '../../gate/line.js';
import type { Pause } from '../../gate/pause-record.js';
import { callbacksMissedKey, heartbeatsKey, workerReportKey } from '../../jobs/keys/redis-keys.js';
import { HEARTBEAT_TTL_MS } from '../../jobs/liveness.js';
import { readWorkerReport, type WorkerReport } from '../../jobs/worker-report.js';
import { memoryUsedRatio } from '../../redis/findings.js';
import { writeRefusal } from '../../redis/reply-error.js';
import { tryWrite } from '../../redis/write-gate.js';
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
  /** Such as `OOM; it is full; …`; null while Redis takes writes. */
  writeRefusal: string | null;
  /** Null while Atlas calls, or is not expected to. */
  silence: CallbackSilence | null;
}

type SystemConfig = Quota & Pick<Config, 'CALLBACK_CLIENT_ID'>;

/** @throws RedisUnavailableError when Redis does not answer in time. */
export function readSystem(queues: ClientQueues, config: SystemConfig): Promise<SystemState> {
  return withRedisTimeout(queues.link.run(() => read(queues, config)));
}

async function read(queues: ClientQueues, config: SystemConfig): Promise<SystemState> {
  const { link, prefix } = queues;
  const { redis } = link;
  const now = await redisNow(queues);
  const [ids, pause, info, today, lineWaitsFor, missed, refusal] = await Promise.all([
    redis.zrangebyscore(heartbeatsKey(prefix), now - HEARTBEAT_TTL_MS, '+inf'),
    pauseOf(queues),
    redis.info('memory'),
    readDocumentsToday(queues, config),
    whyLineWaits(redis, prefix),
    redis.hmget(callbacksMissedKey(prefix), ...SILENCE_FIELDS),
    whyNoWrites(queues),
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
    writeRefusal: refusal,
    // What was missed before callbacks were switched off is remembered for a day.
    silence: hasCallbacks(config) ? silenceOf(missed) : null,
  };
}

/** A Redis that refuses writes refuses heartbeats too, so that living workers seem to be gone. */
async function whyNoWrites({ link: { redis }, prefix }: ClientQueues): Promise<string | null> {
  try {
    await tryWrite(redis, prefix);
    return null;
  } catch (error) {
    return writeRefusal(error, redis);
  }
}
