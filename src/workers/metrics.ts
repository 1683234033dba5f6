/** What the workers count, in the words of ARCHITECTURE.md. Served by the HTTP server. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { AtlasObserver, BreakerState } from '../atlas/client.js';
import { REASON_CODES } from '../errors.js';
import { counterFactory, everySeries, USUAL_CODES } from '../metric-series.js';

/** Seconds; lag is a fraction of a second to the greatest poll interval. */
const LAG_BUCKETS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];
/** Seconds; from a batch of one document to a deadline of a day. */
const DURATION_BUCKETS = [
  5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400,
];
/** Seconds; a worker takes a batch in milliseconds, unless all are busy or gone. */
const QUEUE_WAIT_BUCKETS = [0.05, 0.25, 1, 5, 15, 60, 120, 300, 900, 3600, 14_400];
const POLL_BUCKETS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64];
const REQUEST_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];
const ENDPOINTS = ['authtoken', 'multiupload', 'extracts'] as const;
const BREAKER_VALUES: Record<BreakerState, number> = { closed: 0, 'half-open': 1, open: 2 };

export interface WorkerMetrics {
  registry: Registry;
  batches: Counter<'status' | 'code'>;
  batchSeconds: Histogram<'status'>;
  queueWaitSeconds: Histogram;
  documents: Counter<'state'>;
  documentsSent: Counter<'reason'>;
  uploads: Counter<'result'>;
  unknownUploads: Counter;
  orphanUploads: Counter;
  receipts: Counter;
  unconfirmedUploads: Counter;
  pollJobs: Counter<'status'>;
  pollsPerUpload: Histogram;
  pollMemoryBytes: Gauge;
  pollMemoryWaits: Counter;
  unreadableExtracts: Counter;
  callbacksRescued: Counter;
  lagUpperBoundSeconds: Histogram;
  webhookAttempts: Counter<'code'>;
  webhooks: Counter<'result'>;
  ownFaults: Counter<'code'>;
  deadlyJobs: Counter<'kind'>;
  redisWritesRefused: Gauge;
  /** What the Atlas client tells of itself. */
  atlas: Required<AtlasObserver>;
}

export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const registers = [registry];
  const counter = counterFactory(registers);
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `atlas_batch_${name}`, help, buckets, registers });
  return {
    registry,
    batches: counter('batches_total', 'Batches that ended.', [
      { status: 'completed', code: '' },
      ...everySeries({ status: ['failed'], code: REASON_CODES }),
    ]),
    batchSeconds: batchDuration(registers),
    queueWaitSeconds: histogram(
      'queue_wait_seconds',
      'Time from the adding of a batch, or the end of its delay, until a worker first took it.',
      QUEUE_WAIT_BUCKETS,
    ),
    documents: counter(
      'documents_total',
      'Documents of ended batches.',
      everySeries({ state: ['present', 'missing'] }),
    ),
    documentsSent: counter(
      'documents_sent_total',
      'Documents that Atlas took or may have taken, and why they went out.',
      everySeries({ reason: ['first', 'missing', 'unknown', 'retry'] }),
    ),
    uploads: counter(
      'uploads_total',
      'Calls of multiupload.',
      everySeries({ result: ['sent', 'refused', 'too-large', 'not-taken', 'unknown'] }),
    ),
    unknownUploads: counter(
      'unknown_uploads_total',
      'Uploads of which nobody knows whether Atlas took them.',
    ),
    orphanUploads: counter(
      'orphan_uploads_total',
      'Uploads that Atlas took after their worker had lost the batch.',
    ),
    receipts: counter(
      'receipts_total',
      'Responses to uploads that were left for the worker that has the batch now.',
    ),
    unconfirmedUploads: counter(
      'unconfirmed_uploads_total',
      'Uploads that were put off because no replica of Redis confirmed them.',
    ),
    pollJobs: counter(
      'poll_jobs_total',
      'Poll jobs that ended.',
      everySeries({ status: ['complete', 'incomplete', 'cancelled', 'rejected'] }),
    ),
    pollMemoryBytes: new Gauge({
      name: 'atlas_batch_poll_memory_bytes',
      help: 'What polls hold in memory: lists of extracts, until their results are stored.',
      registers,
    }),
    pollMemoryWaits: counter(
      'poll_memory_waits_total',
      'Polls that were put off because other polls had the memory.',
    ),
    unreadableExtracts: counter(
      'unreadable_extracts_total',
      'Extracts of stored results that nobody could read, in whole or in part.',
    ),
    callbacksRescued: counter(
      'callbacks_rescued_total',
      'Complete uploads that a poll of the safety net found, not a callback.',
    ),
    pollsPerUpload: histogram('polls_per_upload', 'Polls until the result.', POLL_BUCKETS),
    lagUpperBoundSeconds: histogram(
      'lag_upper_bound_seconds',
      'Time between the last negative poll and the poll that found an upload complete.',
      LAG_BUCKETS,
    ),
    webhookAttempts: counter(
      'webhook_attempts_total',
      'POSTs to the webhook; code is the status, or why there was none.',
      everySeries({ code: USUAL_CODES }),
    ),
    webhooks: counter(
      'webhooks_total',
      'Events that the webhook got, or was given up on.',
      everySeries({ result: ['delivered', 'given-up'] }),
    ),
    ownFaults: counter(
      'own_faults_total',
      'Jobs that were left to others, for this worker is not configured for them.',
      everySeries({ code: ['BUCKET_NOT_ALLOWED', 'OBJECT_NOT_FOUND', 'STORAGE'] }),
    ),
    deadlyJobs: counter(
      'deadly_jobs_total',
      'Times that a job waits, or has ended, because workers died while they had it.',
      everySeries({ kind: ['batch', 'poll', 'watch'] }),
    ),
    redisWritesRefused: new Gauge({
      name: 'atlas_batch_redis_writes_refused',
      help: 'Whether Redis refuses the writes of this worker, which takes no jobs then.',
      registers,
    }),
    atlas: observeAtlas(registers),
  };
}

function batchDuration(registers: Registry[]): Histogram<'status'> {
  const seconds = new Histogram({
    name: 'atlas_batch_batch_seconds',
    help: 'Time from when a worker first took a batch, or a retry of it, until its outcome.',
    labelNames: ['status'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  for (const status of ['completed', 'failed']) seconds.zero({ status });
  return seconds;
}

function observeAtlas(registers: Registry[]): Required<AtlasObserver> {
  const requests = new Counter({
    name: 'atlas_batch_requests_total',
    help: 'HTTP requests to Atlas; code is the status, or why there was none.',
    labelNames: ['endpoint', 'code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'atlas_batch_request_seconds',
    help: 'Duration of HTTP requests to Atlas.',
    labelNames: ['endpoint'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const tokens = new Counter({
    name: 'atlas_batch_tokens_total',
    help: 'Tokens that Atlas gave this process.',
    registers,
  });
  const breaker = new Gauge({
    name: 'atlas_batch_breaker_state',
    help: 'Circuit to Atlas: 0 closed, 1 half-open, 2 open.',
    registers,
  });
  const authOk = new Gauge({
    name: 'atlas_batch_auth_ok',
    help: 'Whether Atlas takes the credentials: 0 once it has refused them.',
    registers,
  });
  authOk.set(1);
  for (const endpoint of ENDPOINTS) {
    seconds.zero({ endpoint });
    for (const code of USUAL_CODES) requests.inc({ endpoint, code }, 0);
  }
  const budget = new Histogram({
    name: 'atlas_batch_budget_wait_seconds',
    help: 'Time that requests waited for the budget, and whether they were let through.',
    labelNames: ['class', 'granted'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  for (const labels of everySeries({ class: ['upload', 'poll'], granted: ['true', 'false'] })) {
    budget.zero(labels);
  }
  const blocked = new Counter({
    name: 'atlas_batch_blocked_seconds_total',
    help: 'Seconds for which a 429 of Atlas has held all processes.',
    registers,
  });
  return {
    requested({ endpoint, code, seconds: took }) {
      requests.inc({ endpoint, code });
      seconds.observe({ endpoint }, took);
    },
    tokenFetched: () => tokens.inc(),
    credentialsChanged: (accepted) => authOk.set(Number(accepted)),
    breakerChanged: (state) => breaker.set(BREAKER_VALUES[state]),
    budgetAsked({ requestClass, seconds: waited, granted }) {
      budget.observe({ class: requestClass, granted: String(granted) }, waited);
    },
    blocked: ({ milliseconds }) => blocked.inc(milliseconds / 1000),
  };
}
