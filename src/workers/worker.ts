/**
 * The worker: processors of all queues in one process, their start and their stop.
 *
 * Stopping takes no new job, lets the request in flight finish, gives every job back and resolves;
 * it may be called twice, from any state. What does not come to rest in time is left to the next
 * worker, as after a crash.
 */
import type { EventEmitter } from 'node:events';
import { Queue, type Telemetry } from 'bullmq';
import type { Registry } from 'prom-client';
import { createAtlasClient } from '../atlas/client.js';
import type { Config } from '../config/config.js';
import { BATCHES_QUEUE, COMPLETIONS_QUEUE, POLLS_QUEUE, WEBHOOKS_QUEUE } from '../jobs/queues.js';
import { observationsKey } from '../jobs/redis-keys.js';
import { createLogger, type Logger } from '../logging.js';
import { createLearningPolicy } from '../polling/learning-policy.js';
import { followObservations } from '../polling/observation-stream.js';
import type { PollPolicy } from '../polling/poll-policy.js';
import { RedisClock } from '../redis/clock.js';
import { redisFindings } from '../redis/findings.js';
import { isReplyError, refusalOf } from '../redis/reply-error.js';
import { connectRedis, type GatheringRedis, whenReady } from '../redis/worker-connection.js';
import { createRepeatedWarnings } from '../repeated-lines.js';
import { createObjectStore } from '../storage/object-store.js';
import { settlesWithin } from '../timeouts.js';
import { createBatchProcessor } from './batch/process-batch.js';
import type { WorkerContext } from './context.js';
import { startEventExpiry } from './maintenance/expire-events.js';
import { startHeartbeat } from './maintenance/heartbeat.js';
import { PollJobPruner } from './maintenance/prune-poll-jobs.js';
import { createWorkerMetrics } from './metrics.js';
import { createPollProcessor } from './poll/process-poll.js';
import { PAGES_IN_PARALLEL } from './poll/read-extracts.js';
import { startQueueWorker } from './runtime/queue-worker.js';
import { StartedParts } from './started-parts.js';
import {
  createWebhookProcessor,
  WEBHOOK_CONCURRENCY,
  webhookSenderOf,
} from './webhook/process-delivery.js';

/** Within the 30 s that schedulers of containers give, and the other parts have their time too. */
const REST_TIMEOUT_MS = 23_000;
/** For the connections of workers without jobs, when Redis is away. */
const CLOSE_TIMEOUT_MS = 1000;

export interface AtlasBatchWorker {
  /** The registry holds the worker's own metrics, and no default ones of Node. */
  readonly metrics: { readonly registry: Registry };
  /** Resolves when everything is at rest, at most 25 s later. May be called twice. */
  stop(): Promise<void>;
}

/** What a worker may be given besides its configuration. */
export interface WorkerParts {
  logger?: Logger | undefined;
  telemetry?: Telemetry | undefined;
  /** When to poll next; default: the policy that learns. For experiments and benchmarks. */
  policy?: PollPolicy | undefined;
}

/**
 * Starts a worker; resolves when it is connected and takes jobs. It waits for a Redis that is away.
 * A start that fails leaves nothing open.
 * @throws RedisUnavailableError when Redis refuses us.
 */
export async function runWorker(
  config: Config,
  options: WorkerParts = {},
): Promise<AtlasBatchWorker> {
  const logger = options.logger ?? createLogger(config.LOG_LEVEL);
  const redis = connectRedis(config.REDIS_URL, logger);
  const parts = new StartedParts();
  parts.add(() => redis.disconnectAll());
  try {
    return await start({ options, config, logger, redis, parts });
  } catch (error) {
    await parts.stop();
    throw isReplyError(error) ? refusalOf(redis, error) : error;
  }
}

interface Start {
  options: WorkerParts;
  config: Config;
  logger: Logger;
  redis: GatheringRedis;
  parts: StartedParts;
}

async function start({ options, config, logger, redis, parts }: Start): Promise<AtlasBatchWorker> {
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
  parts.add(() => atlas.close());
  const store = createObjectStore({
    resultsBucket: config.RESULTS_BUCKET,
    presignExpiresSeconds: config.PRESIGN_EXPIRES_SECONDS,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    connections,
    logger,
  });
  parts.add(() => store.close());
  await whenReady(redis);
  const clock = await RedisClock.start(redis);
  parts.add(() => clock.stop());
  for (const { severity, problem, fix } of redisFindings(await redis.info())) {
    const say = severity === 'error' ? logger.error : logger.warn;
    say.call(logger, { fix }, `${problem}; ${fix}`);
  }
  const warn = createRepeatedWarnings(logger);
  const policy =
    options.policy ??
    createLearningPolicy({ minMs: config.POLL_MIN_MS, deadlineMs: config.BATCH_DEADLINE_MS });
  const observations = await followObservations({
    redis,
    key: observationsKey(prefix),
    policy,
    deadlineMs: config.BATCH_DEADLINE_MS,
    random: Math.random,
    onError: (error) => warn(error, 'observations: error'),
  });
  parts.add(() => observations.stop());
  const { telemetry } = options;
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
  const queues = [context.batches, context.pollJobs, context.completions, context.webhooks];
  const warnOf = (part: EventEmitter & { name: string }) =>
    part.on('error', (error) => warn(error, `queue ${part.name}: error`));
  for (const queue of queues) warnOf(queue);
  parts.add(() => Promise.all(queues.map((queue) => queue.close())));
  parts.add(() => pollJobPruner.stop());
  const sender = webhookSenderOf(config);
  if (sender) parts.add(() => sender.close());
  // Before the first job: whoever holds one is known to live.
  const heartbeat = await startHeartbeat(context);
  parts.add(() => heartbeat.stop());
  const eventExpiry = startEventExpiry(context);
  parts.add(() => eventExpiry.stop());

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
  for (const worker of workers) warnOf(worker);
  parts.add(async () => {
    stopping.abort();
    if (await restsInTime(workers, redis)) return;
    logger.warn({}, 'some jobs did not come to rest in time; the next worker goes on with them');
  }, REST_TIMEOUT_MS);
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
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
    await parts.stop();
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

interface JobWorker {
  close(): Promise<void>;
  whenIdle(): Promise<void>;
}

/**
 * Takes no new job, and waits until every job is at rest. Without jobs, a Redis that is away has a
 * moment only: BullMQ would wait for it for ever.
 */
async function restsInTime(workers: readonly JobWorker[], redis: GatheringRedis): Promise<boolean> {
  const closed = Promise.all(workers.map((worker) => worker.close()));
  const atRest = async () => {
    await Promise.all(workers.map((worker) => worker.whenIdle()));
    if (redis.status === 'ready') await closed;
    else await settlesWithin(closed, CLOSE_TIMEOUT_MS);
  };
  return settlesWithin(atRest(), REST_TIMEOUT_MS);
}
