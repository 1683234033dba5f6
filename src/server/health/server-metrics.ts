/** The metrics of the HTTP server: its own counters, and gauges that are read from Redis. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ClientQueues } from '../../batches/client-queues.js';
import { memoryUsedRatio } from '../../redis/findings.js';
import { readQueueDepths } from './queue-depths.js';
import { readLiveness, withRedisTimeout } from './read-liveness.js';

/** Why a callback was refused. */
export type Rejection = 'unauthorized' | 'malformed' | 'too-large' | 'too-many';

export interface ServerMetrics {
  registry: Registry;
  /** Callbacks that were answered with 202. */
  callbacksReceived: Counter;
  callbacksRejected: Counter<'why'>;
  /** References in callbacks by result. The help text of the metric lists the results. */
  callbackReferences: Counter<'result'>;
  tokenRequests: Counter<'result'>;
  loginsFailed: Counter;
  /** Reads the gauges from Redis. `redis_up` says whether that worked. Never throws. */
  refresh(): Promise<void>;
}

export function createServerMetrics(queues: ClientQueues, deadlineMs: number): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Counter({ name: `atlas_batch_${name}`, help, labelNames, registers });
  return {
    registry,
    callbacksReceived: counter('callbacks_received_total', 'Callbacks answered with 202.'),
    callbacksRejected: counter('callbacks_rejected_total', 'Callbacks refused.', ['why']),
    callbackReferences: counter(
      'callback_references_total',
      'References in callbacks: woken; duplicate (waiting already); ended; unknown; dropped.',
      ['result'],
    ),
    tokenRequests: counter('callback_tokens_total', 'Requests for a callback token.', ['result']),
    loginsFailed: counter('logins_failed_total', 'Logins to the dashboard that failed.'),
    refresh: createRefresh(registry, queues, deadlineMs),
  };
}

function createRefresh(
  registry: Registry,
  queues: ClientQueues,
  deadlineMs: number,
): () => Promise<void> {
  const gauge = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Gauge({ name: `atlas_batch_${name}`, help, labelNames, registers: [registry] });
  const redisUp = gauge('redis_up', 'Whether Redis answered this scrape.');
  const workers = gauge('workers', 'Workers that live, of all processes.');
  const jobs = gauge('jobs', 'Jobs by queue and state.', ['queue', 'state']);
  const oldestWaiting = gauge(
    'oldest_waiting_seconds',
    'Age of the oldest job that no worker has taken.',
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
  const ofRedis = [
    paused,
    memoryUsed,
    workers,
    jobs,
    oldestWaiting,
    inFlight,
    oldestInFlight,
    nearDeadline,
  ];

  return async () => {
    // Without this a failed read would show the values of the one before.
    for (const one of ofRedis) one.reset();
    try {
      const depths = withRedisTimeout(queues.link.run(() => readQueueDepths(queues)));
      const memory = withRedisTimeout(queues.link.run(() => queues.link.redis.info('memory')));
      const [liveness, read, info] = await Promise.all([
        readLiveness(queues, deadlineMs),
        depths,
        memory,
      ]);
      paused.set(Number(liveness.pause !== null));
      memoryUsed.set(memoryUsedRatio(info));
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
      for (const one of ofRedis) one.reset();
      redisUp.set(0);
    }
  };
}
