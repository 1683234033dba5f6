/**
 * The worker: processors of all queues in one process, their start and their stop.
 *
 * Stopping takes no new job, lets uploads in flight finish, waits for nothing that comes before or
 * after them, gives every job back and resolves;
 * it may be called twice, from any state. What does not come to rest in time is left to the next
 * worker, as after a crash.
 */
import { setMaxListeners } from 'node:events';
import type { Telemetry } from 'bullmq';
import type { Registry } from 'prom-client';
import type { Config } from '../config/config.js';
import { followSecrets } from '../config/environment.js';
import { redisTarget } from '../config/redis-fields.js';
import { BATCHES_QUEUE, POLLS_QUEUE, WEBHOOKS_QUEUE } from '../jobs/queues.js';
import { createLogger, type Logger } from '../logging.js';
import type { PollPolicy } from '../polling/poll-policy.js';
import type { Clock } from '../redis/clock.js';
import { connectionOptions } from '../redis/connection/connect.js';
import type { FetchGate } from '../redis/pausing-worker.js';
import { refusalAtStart } from '../redis/permissions.js';
import { isReplyError } from '../redis/reply-error.js';
import { connectRedis, type GatheringRedis } from '../redis/worker-connection.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../timeouts.js';
import { createBatchProcessor } from './batch/process-batch.js';
import { BatchIntake } from './batch-intake.js';
import { ENTERING_AT_ONCE, LineIntake } from './line-intake.js';
import { startExpiry } from './maintenance/expire-jobs.js';
import { startLevelling } from './maintenance/level-producers.js';
import { startAuditRelay } from './maintenance/relay-audit.js';
import { startLateResultsSweep } from './maintenance/sweep-late-results.js';
import { type OpenOptions, openContext } from './open-context.js';
import { createPollsProcessor } from './poll/process-polls.js';
import { PollIntake } from './poll-intake.js';
import { createQueueWorker } from './runtime/queue-worker.js';
import { StoppingError } from './runtime/run-step.js';
import type { Processor } from './runtime/slot.js';
import { StartedParts } from './started-parts.js';
import {
  createWebhookProcessor,
  WEBHOOK_CONCURRENCY,
  webhookSenderOf,
} from './webhook/process-delivery.js';
import { WorkerStatus } from './worker-status.js';

/** For the jobs to come to rest. Schedulers of containers give 30 s for this and all other parts. */
const REST_TIMEOUT_MS = 23_000;

/** A worker that runs. */
export interface AtlasBatchWorker {
  /** The registry holds the worker's own metrics, and no default ones of Node. */
  readonly metrics: { readonly registry: Registry };
  /** Resolves when everything is at rest, at most 25 s later. May be called twice. */
  stop(): Promise<void>;
}

export { WorkerStatus };

/** What a worker may be given besides its configuration. */
export interface WorkerParts {
  logger?: Logger | undefined;
  telemetry?: Telemetry | undefined;
  /** Follows it from before its start on. */
  status?: WorkerStatus | undefined;
  /** When to poll next; default: the policy that learns. For experiments and benchmarks. */
  policy?: PollPolicy | undefined;
  /** Whose days the quota counts by; default: that of Redis. For experiments. */
  quotaClock?: Clock | undefined;
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
  const redis = connectRedis(connectionOptions(redisTarget(config), config.QUEUE_PREFIX), logger);
  const parts = new StartedParts();
  parts.add(() => redis.disconnectAll());
  const secrets = followSecrets(config, logger);
  parts.add(() => secrets.stop());
  try {
    const { status = new WorkerStatus() } = options;
    return await start({ ...options, status, config, logger, redis, parts });
  } catch (error) {
    const why = isReplyError(error)
      ? await refusalAtStart(redis, config.QUEUE_PREFIX, 'worker', error)
      : error;
    await parts.stop();
    throw why;
  }
}

async function start(options: Omit<OpenOptions, 'stopping'>): Promise<AtlasBatchWorker> {
  const { config, logger, redis, parts, status } = options;
  const stopping = new AbortController();
  // Any number of jobs may listen; each takes its listener away when it ends.
  setMaxListeners(0, stopping.signal);
  const opened = await openContext({ ...options, stopping: stopping.signal });
  const { context, queueOptions, watch } = opened;
  const sender = webhookSenderOf(config);
  if (sender) parts.add(() => sender.close());
  const expiry = startExpiry(context);
  parts.add(() => expiry.stop());
  const lateResults = startLateResultsSweep(context);
  parts.add(() => lateResults.stop());
  const auditRelay = startAuditRelay(context);
  parts.add(() => auditRelay.stop());
  const levelling = startLevelling(context);
  parts.add(() => levelling.stop());

  const create = <Data, Result>(
    name: string,
    jobs: number,
    processor: Processor<Data, Result>,
    gate: FetchGate = context.writes,
  ) => createQueueWorker(queueOptions, name, jobs, processor, { clock: context.clock, gate });
  const intake = new BatchIntake(context);
  const polls = new PollIntake(context);
  const places = config.SUBMIT_CONCURRENCY;
  const sending = create(BATCHES_QUEUE, places, createBatchProcessor(context), intake);
  // A worker that leaves batches to others takes none into the line either.
  const isBusy = () => !intake.isClosed() && sending.activeJobs >= places;
  const lineIntake = new LineIntake({ ...context, isBusy });
  const entering = createBatchProcessor(context, { onlyEnters: true });
  const workers = [
    sending,
    ...(context.gate.hasBounds
      ? [create(BATCHES_QUEUE, ENTERING_AT_ONCE, entering, lineIntake)]
      : []),
    create(POLLS_QUEUE, config.POLL_CONCURRENCY, createPollsProcessor(context), polls),
    ...(sender
      ? [create(WEBHOOKS_QUEUE, WEBHOOK_CONCURRENCY, createWebhookProcessor(context, sender))]
      : []),
  ];
  for (const worker of workers) watch(worker);
  status.fetchers = workers;
  parts.add(async () => {
    stopping.abort(new StoppingError());
    const rests = await restsInTime(workers, redis);
    if (!rests) {
      logger.warn({}, 'some jobs did not come to rest in time; the next worker goes on with them');
    }
    // Now, and not with the other parts: their stop may take what is left of the time.
    context.sentUploads.stop();
    // Longer than it takes, so that the warning above is always written.
  }, REST_TIMEOUT_MS + CLOSE_TIMEOUT_MS);
  // Each has two connections: none takes a job before all are usable.
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  await Promise.all(workers.map((worker) => worker.start()));
  if (config.S3_ALLOWED_BUCKETS.length === 0) {
    logger.warn(
      { bucket: config.RESULTS_BUCKET },
      'S3_ALLOWED_BUCKETS is empty: whoever can enqueue makes Atlas read what our role can',
    );
  }
  // From now on a Redis that serves elsewhere, or later, is waited for as one that is away.
  redis.resendForMs = Number.POSITIVE_INFINITY;
  status.notStarted = null;
  logger.info({ prefix: config.QUEUE_PREFIX }, 'worker started');

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    logger.info({}, 'worker stopping');
    await parts.stop();
    logger.info({}, 'worker stopped');
  };
  return {
    metrics: context.metrics,
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
    await Promise.race([
      closed,
      whenAway(redis).then(() => settlesWithin(closed, CLOSE_TIMEOUT_MS)),
    ]);
  };
  return settlesWithin(atRest(), REST_TIMEOUT_MS);
}

/** Resolves when the connection is broken: perhaps at once, perhaps never. */
async function whenAway(redis: GatheringRedis): Promise<void> {
  if (redis.status !== 'ready') return;
  await new Promise<void>((resolve) => {
    redis.once('close', resolve);
  });
}
