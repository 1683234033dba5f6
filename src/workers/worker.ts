/**
 * The worker: processors of all queues in one process, their start and their stop.
 *
 * Stopping takes no new job, lets the request in flight finish, gives every job back and resolves;
 * it may be called twice, from any state. What does not come to rest in time is left to the next
 * worker, as after a crash.
 */
import type { EventEmitter } from 'node:events';
import { Queue } from 'bullmq';
import { createAtlasClient } from '../atlas/client.js';
import { type Config, loadConfig, wantsTraces } from '../config/config.js';
import { BATCHES_QUEUE, COMPLETIONS_QUEUE, POLLS_QUEUE, WEBHOOKS_QUEUE } from '../jobs/queues.js';
import { createLogger, errorFields, type Logger } from '../logging.js';
import { createLearningPolicy } from '../polling/learning-policy.js';
import { followObservations } from '../polling/observation-stream.js';
import type { PollPolicy } from '../polling/poll-policy.js';
import { RedisClock } from '../redis/clock.js';
import { redisFindings } from '../redis/findings.js';
import { connectRedis } from '../redis/worker-connection.js';
import { createObjectStore } from '../storage/object-store.js';
import { createTelemetry } from '../telemetry.js';
import { createBatchProcessor } from './batch/process-batch.js';
import type { WorkerContext } from './context.js';
import { startEventExpiry } from './maintenance/expire-events.js';
import { startHeartbeat } from './maintenance/heartbeat.js';
import { definePruneCommands, PollJobPruner } from './maintenance/prune-poll-jobs.js';
import { createWorkerMetrics, type WorkerMetrics } from './metrics.js';
import { createPollProcessor } from './poll/process-poll.js';
import { PAGES_IN_PARALLEL } from './poll/read-extracts.js';
import { defineLeaseCommands } from './runtime/job-lease.js';
import { startQueueWorker } from './runtime/queue-worker.js';
import { createWebhookSender, type WebhookSender } from './webhook/post-webhook.js';
import {
  createWebhookProcessor,
  WEBHOOK_CONCURRENCY,
  WEBHOOK_TIMEOUT_MS,
} from './webhook/process-delivery.js';

/** Below the 30 s that container schedulers give before they kill. */
const STOP_TIMEOUT_MS = 25_000;
/** Kept back from the above, to close connections and leave. */
const CLOSING_MS = 1000;
/** Of that, what the last drop of polls and the last observations may take. */
const LAST_WRITES_MS = CLOSING_MS / 2;

export interface AtlasBatchWorkerOptions {
  /** The variables of the README's table; default: the process's environment. */
  environment?: NodeJS.ProcessEnv;
  /** When to poll next; default: the policy that learns. For experiments and benchmarks. */
  policy?: PollPolicy;
  /** Default: pino on standard output at `LOG_LEVEL`. */
  logger?: Logger;
}

export interface AtlasBatchWorker {
  readonly metrics: WorkerMetrics;
  /** Resolves when everything is at rest, at most 25 s later. */
  stop(): Promise<void>;
}

/**
 * Starts a worker; resolves when it is connected and takes jobs.
 * @throws UsageError when the configuration is wrong.
 */
export async function createAtlasBatchWorker(
  options: AtlasBatchWorkerOptions = {},
): Promise<AtlasBatchWorker> {
  const config = loadConfig(options.environment);
  const logger = options.logger ?? createLogger(config.LOG_LEVEL);
  const redis = connectRedis(config.REDIS_URL, logger);
  defineLeaseCommands(redis);
  definePruneCommands(redis);
  const metrics = createWorkerMetrics();
  const stopping = new AbortController();
  const prefix = config.QUEUE_PREFIX;
  // A request that had to wait for a connection would go out later than its budget said.
  const connections = config.SUBMIT_CONCURRENCY + PAGES_IN_PARALLEL * config.POLL_CONCURRENCY;
  const atlas = createAtlasClient({
    baseUrl: config.ATLAS_BASE_URL,
    clientId: config.ATLAS_CLIENT_ID,
    clientSecret: config.ATLAS_CLIENT_SECRET,
    timeoutMs: config.ATLAS_TIMEOUT_MS,
    maxRequestsPerSecond: config.ATLAS_MAX_REQUESTS_PER_SECOND,
    connections,
    keyPrefix: prefix,
    redis,
    logger,
    observer: metrics.atlas,
  });
  const store = createObjectStore({
    resultsBucket: config.RESULTS_BUCKET,
    presignExpiresSeconds: config.PRESIGN_EXPIRES_SECONDS,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    connections,
    logger,
  });
  const clock = await RedisClock.start(redis);
  for (const { severity, problem, fix } of redisFindings(await redis.info())) {
    const say = severity === 'error' ? logger.error : logger.warn;
    say.call(logger, { fix }, `${problem}; ${fix}`);
  }
  const policy =
    options.policy ??
    createLearningPolicy({ minMs: config.POLL_MIN_MS, deadlineMs: config.BATCH_DEADLINE_MS });
  const observations = await followObservations({
    redis,
    key: `${prefix}:observations`,
    policy,
    deadlineMs: config.BATCH_DEADLINE_MS,
    random: Math.random,
    onError: (error) => logger.warn(errorFields(error), 'observations: error'),
  });
  const telemetry = await createTelemetry(wantsTraces(options.environment));
  const queueOptions = { connection: redis, prefix, ...(telemetry && { telemetry }) };
  const pollJobs = new Queue(POLLS_QUEUE, queueOptions);
  const pollJobPruner = new PollJobPruner({ redis, config, pollJobs });
  const context: WorkerContext = {
    config,
    atlas,
    store,
    policy,
    observations,
    redis,
    batches: new Queue(BATCHES_QUEUE, queueOptions),
    pollJobs,
    pollJobPruner,
    completions: new Queue(COMPLETIONS_QUEUE, queueOptions),
    // No key of a queue that nobody uses.
    webhooks: new Queue(WEBHOOKS_QUEUE, { ...queueOptions, skipMetasUpdate: true }),
    clock,
    logger,
    metrics,
    random: Math.random,
    stopping: stopping.signal,
  };
  const sender = webhookSender(config);
  const workers = [
    startQueueWorker(
      queueOptions,
      BATCHES_QUEUE,
      config.SUBMIT_CONCURRENCY,
      createBatchProcessor(context),
    ),
    startQueueWorker(
      queueOptions,
      POLLS_QUEUE,
      config.POLL_CONCURRENCY,
      createPollProcessor(context),
    ),
    ...(sender
      ? [
          startQueueWorker(
            queueOptions,
            WEBHOOKS_QUEUE,
            WEBHOOK_CONCURRENCY,
            createWebhookProcessor(context, sender),
          ),
        ]
      : []),
  ];
  const queues = [context.batches, context.pollJobs, context.completions, context.webhooks];
  for (const part of [...workers, ...queues]) {
    const emitter: EventEmitter = part;
    emitter.on('error', (error) => logger.warn(errorFields(error), `queue ${part.name}: error`));
  }
  const eventExpiry = startEventExpiry(context);
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  const heartbeat = await startHeartbeat(context);
  if (config.S3_ALLOWED_BUCKETS.length === 0) {
    logger.warn(
      { bucket: config.RESULTS_BUCKET },
      'S3_ALLOWED_BUCKETS is empty: whoever can enqueue makes Atlas read what our role can',
    );
  }
  logger.info({ prefix }, 'worker started');

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    logger.info({}, 'worker stopping');
    const closed = Promise.all(workers.map((worker) => worker.close()));
    stopping.abort();
    eventExpiry.stop();
    heartbeat.stop();
    const inTime = await settlesWithin(closed, STOP_TIMEOUT_MS - CLOSING_MS);
    if (!inTime) {
      logger.warn({}, 'some jobs did not come to rest in time; the next worker goes on with them');
      await Promise.allSettled(workers.map((worker) => worker.close(true)));
    }
    clock.stop();
    // A Redis that hangs holds nobody up.
    await settlesWithin(
      Promise.allSettled([pollJobPruner.stop(), observations.stop()]),
      LAST_WRITES_MS,
    );
    const clients = [atlas, ...(sender ? [sender] : [])];
    await Promise.allSettled([...queues, ...clients].map((part) => part.close()));
    store.close();
    redis.disconnect();
    logger.info({}, 'worker stopped');
  };
  return {
    metrics,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function webhookSender(config: Config): WebhookSender | undefined {
  const { COMPLETION_WEBHOOK_URL: url, COMPLETION_WEBHOOK_SECRET: secret } = config;
  if (url === null || secret === null) return undefined;
  return createWebhookSender({
    url,
    secret,
    connections: WEBHOOK_CONCURRENCY,
    timeoutMs: WEBHOOK_TIMEOUT_MS,
  });
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
