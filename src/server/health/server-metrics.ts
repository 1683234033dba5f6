/** The metrics of the HTTP server: its own counters, and gauges that are read from Redis. */
import { getHeapStatistics } from 'node:v8';
import { type Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ClientQueues } from '../../batches/client-queues.js';
import { type Quota, readDocumentsToday } from '../../batches/documents-today.js';
import { counterFactory, everySeries } from '../../metric-series.js';
import { memoryUsedRatio } from '../../redis/findings.js';
import { VERSION } from '../../version.js';
import { createLineMetrics } from './line-metrics.js';
import { type FirstSeen, readQueueDepths } from './queue-depths.js';
import { readLiveness, withRedisTimeout } from './read-liveness.js';

/** Why a callback was refused. */
const REJECTIONS = ['unauthorized', 'malformed', 'too-large', 'too-many'] as const;
export type Rejection = (typeof REJECTIONS)[number];

/** Those that the document of the HTTP API has, and 405. */
const API_STATUSES = [
  ...['200', '201', '202', '400', '401', '403', '404', '405', '409', '410', '413', '415', '422'],
  ...['429', '500', '503'],
];

export interface ServerMetrics {
  registry: Registry;
  /** Callbacks that were answered with 202. */
  callbacksReceived: Counter;
  callbacksRejected: Counter<'why'>;
  /** References in callbacks by result. The help text of the metric lists the results. */
  callbackReferences: Counter<'result'>;
  tokenRequests: Counter<'result'>;
  loginsFailed: Counter;
  /** Of the HTTP API, by the status of the response. */
  apiRequests: Counter<'status'>;
  /** Reads the gauges from Redis. `redis_up` says whether that worked. Never throws. */
  refresh(): Promise<void>;
}

type MetricsConfig = Quota & { BATCH_DEADLINE_MS: number };

export function createServerMetrics(queues: ClientQueues, config: MetricsConfig): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  describeProcess(registry);
  const counter = counterFactory(registers);
  return {
    registry,
    callbacksReceived: counter('callbacks_received_total', 'Callbacks answered with 202.'),
    callbacksRejected: counter(
      'callbacks_rejected_total',
      'Callbacks refused.',
      everySeries({ why: REJECTIONS }),
    ),
    callbackReferences: counter(
      'callback_references_total',
      'References in callbacks: woken; duplicate (waiting already); ended; unknown; dropped.',
      everySeries({ result: ['woken', 'duplicate', 'ended', 'unknown', 'dropped'] }),
    ),
    tokenRequests: counter(
      'callback_tokens_total',
      'Requests for a callback token.',
      everySeries({ result: ['issued', 'refused'] }),
    ),
    loginsFailed: counter('logins_failed_total', 'Logins to the dashboard that failed.'),
    apiRequests: counter(
      'api_requests_total',
      'Requests of the HTTP API that are over.',
      everySeries({ status: API_STATUSES }),
    ),
    refresh: createRefresh(registry, queues, config),
  };
}

/** What runs here, and with how much memory. */
function describeProcess(registry: Registry): void {
  new Gauge({
    name: 'atlas_batch_build_info',
    help: 'Always 1; its labels say what runs.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: VERSION, node: process.versions.node }, 1);
  new Gauge({
    name: 'atlas_batch_heap_limit_bytes',
    help: 'The heap that Node gives this process at most.',
    registers: [registry],
  }).set(getHeapStatistics().heap_size_limit);
}

function createRefresh(
  registry: Registry,
  queues: ClientQueues,
  config: MetricsConfig,
): () => Promise<void> {
  const gauge = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Gauge({ name: `atlas_batch_${name}`, help, labelNames, registers: [registry] });
  const redisUp = gauge('redis_up', 'Whether Redis answered this scrape.');
  const workers = gauge('workers', 'Workers that live, of all processes.');
  const jobs = gauge('jobs', 'Jobs by queue and state.', ['queue', 'state']);
  const oldestWaiting = gauge(
    'oldest_waiting_seconds',
    'How long the oldest job that could be taken has waited for somebody to take it.',
    ['queue'],
  );
  const memoryUsed = gauge(
    'redis_memory_used_ratio',
    'Memory that Redis uses, as a share of its maxmemory, or of its host without one.',
  );
  const inFlight = gauge('in_flight', 'Batches that have begun and not ended.');
  const oldestInFlight = gauge('oldest_in_flight_seconds', 'Age of the oldest batch in flight.');
  const nearDeadline = gauge('near_deadline', 'Batches that have used 80 % of their time.');
  const paused = gauge('paused', 'Whether somebody has paused the sending of uploads.');
  const sentToday = gauge('documents_sent_today', 'Documents that went to Atlas today.');
  const quota = gauge(
    'quota_documents',
    'Documents that may go to Atlas on one day; 0 is no limit.',
  );
  const quotaLeft = gauge('quota_left_documents', 'Documents that may still go to Atlas today.');
  const line = createLineMetrics(registry);
  const byLabel = [jobs, oldestWaiting];
  const single = [
    sentToday,
    quota,
    quotaLeft,
    paused,
    memoryUsed,
    workers,
    inFlight,
    oldestInFlight,
    nearDeadline,
  ];
  const clear = () => {
    line.clear();
    for (const one of byLabel) one.reset();
    // After `reset` they would be 0.
    for (const one of single) one.remove();
  };

  const seen: FirstSeen = new Map();
  return async () => {
    try {
      const depths = withRedisTimeout(queues.link.run(() => readQueueDepths(queues, seen)));
      const memory = withRedisTimeout(queues.link.run(() => queues.link.redis.info('memory')));
      const documents = withRedisTimeout(queues.link.run(() => readDocumentsToday(queues, config)));
      const [liveness, read, info, today] = await Promise.all([
        readLiveness(queues, config.BATCH_DEADLINE_MS),
        depths,
        memory,
        documents,
      ]);
      clear();
      sentToday.set(today.sent);
      quota.set(today.quota?.most ?? 0);
      quotaLeft.set(today.quota?.left ?? 0);
      line.set(liveness.line);
      paused.set(Number(liveness.pause !== null));
      const usedRatio = memoryUsedRatio(info);
      if (usedRatio !== null) memoryUsed.set(usedRatio);
      for (const { queue, counts, oldestWaitingMs } of read) {
        for (const [state, count] of Object.entries(counts)) jobs.set({ queue, state }, count);
        oldestWaiting.set({ queue }, oldestWaitingMs / 1000);
      }
      workers.set(liveness.workers);
      inFlight.set(liveness.inFlight.count);
      oldestInFlight.set(liveness.inFlight.oldestMs / 1000);
      nearDeadline.set(liveness.inFlight.nearDeadline);
      redisUp.set(1);
    } catch {
      // The values of an earlier read would be false, and so would 0.
      clear();
      redisUp.set(0);
    }
  };
}
