/** Opens what the jobs of a worker stand on: the clients of Atlas and S3, the queues, the clock. */
import type { EventEmitter } from 'node:events';
import { Queue, type QueueOptions, type Telemetry } from 'bullmq';
import type { Redis } from 'ioredis';
import { createAtlasClient } from '../atlas/client.js';
import type { Config } from '../config/config.js';
import { proxiesOf } from '../config/proxy-fields.js';
import { storeOptionsOf } from '../config/s3-fields.js';
import { Gate } from '../gate/gate.js';
import { observationsKey } from '../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE, COMPLETIONS_QUEUE, POLLS_QUEUE, WEBHOOKS_QUEUE } from '../jobs/queues.js';
import { createGatheredLines } from '../logging/gathered-lines.js';
import { createRepeatedWarnings, kindOf } from '../logging/repeated-lines.js';
import type { Logger } from '../logging.js';
import { createLearningPolicy } from '../polling/learning-policy.js';
import { followObservations } from '../polling/observation-stream.js';
import type { PollPolicy } from '../polling/poll-policy.js';
import { type Clock, startRedisClock } from '../redis/clock.js';
import { isOfConnection } from '../redis/connection/connection-errors.js';
import { memoryUsedRatio, redisFindings } from '../redis/findings.js';
import { checkPermissions } from '../redis/permissions.js';
import { redisAddress } from '../redis/reply-error.js';
import { type GatheringRedis, whenReady } from '../redis/worker-connection.js';
import { WriteGate } from '../redis/write-gate.js';
import { createObjectStore } from '../storage/object-store.js';
import { publicAddressIssue } from '../storage/public-address.js';
import { ReplicaConfirmation } from './batch/upload/replica-confirmation.js';
import { SentUploads } from './batch/upload/sent-uploads.js';
import type { WorkerContext } from './context.js';
import { ErasedBatches } from './erased-batches.js';
import { BucketRules } from './maintenance/bucket-rules.js';
import { DeniedObjects } from './maintenance/denied-objects.js';
import { makeRoom } from './maintenance/expire-jobs.js';
import { startHeartbeat } from './maintenance/heartbeat.js';
import { PollJobPruner } from './maintenance/prune-poll-jobs.js';
import { reporter } from './maintenance/report.js';
import { StoresRead } from './maintenance/stores-read.js';
import { createWorkerMetrics, type WorkerMetrics } from './metrics.js';
import { OwnFaults } from './own-faults.js';
import { LastReadings } from './poll/reading/last-readings.js';
import { MEMORY_LIMITS, PollMemory } from './poll/reading/poll-memory.js';
import { PAGES_IN_PARALLEL } from './poll/reading/read-extracts.js';
import { checkBullmq } from './runtime/check-bullmq.js';
import type { StartedParts } from './started-parts.js';
import { ReceiverHealth } from './webhook/receiver-health.js';
import type { WorkerStatus } from './worker-status.js';

export interface OpenOptions {
  config: Config;
  logger: Logger;
  redis: GatheringRedis;
  telemetry?: Telemetry | undefined;
  /** Default: the policy that learns. */
  policy?: PollPolicy | undefined;
  /** Default: that of Redis. */
  quotaClock?: Clock | undefined;
  status: WorkerStatus;
  /** Aborted with a `StoppingError` when the worker stops. */
  stopping: AbortSignal;
  /** Takes each part that was opened. */
  parts: StartedParts;
}

export interface OpenedContext {
  context: WorkerContext;
  queueOptions: QueueOptions;
  /** Logs the errors of a queue, or of a worker of one. */
  watch(emitter: EventEmitter & { name: string }): void;
}

/**
 * @throws ReplyError when Redis refuses something.
 * @throws RedisUnavailableError when BullMQ does not do there what we rely on.
 */
export async function openContext(options: OpenOptions): Promise<OpenedContext> {
  const { config, logger, redis, telemetry, status, stopping, parts } = options;
  const prefix = config.QUEUE_PREFIX;
  const metrics = createWorkerMetrics(status.registry);
  const lines = createGatheredLines(logger);
  parts.add(() => lines.flush());
  // A request that had to wait for a connection would go out later than its budget said.
  const connections = config.SUBMIT_CONCURRENCY + PAGES_IN_PARALLEL * config.POLL_CONCURRENCY;
  const proxies = proxiesOf(config);
  if (proxies) logger.info({}, proxies.describe());
  const atlas = createAtlasClient({
    proxies,
    baseUrl: config.ATLAS_BASE_URL,
    credentials: () => ({
      clientId: config.ATLAS_CLIENT_ID,
      clientSecret: config.ATLAS_CLIENT_SECRET,
    }),
    timeoutMs: config.ATLAS_TIMEOUT_MS,
    maxRequestsPerSecond: config.ATLAS_MAX_REQUESTS_PER_SECOND,
    connections,
    // Half of the places are always there for batches that do not fail.
    failingAtOnce: {
      upload: Math.ceil(config.SUBMIT_CONCURRENCY / 2),
      poll: Math.ceil(config.POLL_CONCURRENCY / 2),
    },
    keyPrefix: prefix,
    redis,
    logger,
    observer: metrics.atlas,
  });
  parts.add(() => atlas.close());
  status.credentials = atlas.credentials;
  const store = createObjectStore({ ...storeOptionsOf(config), connections, logger });
  parts.add(() => store.close());
  // Not waited for: credentials of a role may take seconds.
  void publicAddressIssue(store, config.ATLAS_BASE_URL).then((issue) => {
    if (issue !== undefined) logger.warn({}, issue);
  });
  status.notStarted = `has not started: it waits for Redis at ${redisAddress(redis)}`;
  await whenReady(redis, logger);
  status.notStarted = 'is starting';
  const clock = await startRedisClock(redis);
  parts.add(() => clock.stop());
  const onChange = (isRefused: boolean) => metrics.redisWritesRefused.set(Number(isRefused));
  const writes = new WriteGate({ redis, prefix, logger, onChange });
  parts.add(() => writes.stop());
  status.writes = writes;
  const info = await redis.info();
  for (const { severity, problem, fix } of redisFindings(info, config.REPLICA_ACK_TIMEOUT_MS)) {
    const say = severity === 'error' ? logger.error : logger.warn;
    say.call(logger, { fix }, `${problem}; ${fix}`);
  }
  // Before the first write, which a full Redis refuses.
  if ((memoryUsedRatio(info) ?? 0) >= 1) await makeRoom({ config, redis, clock, stopping });
  const receiptTtlMs = config.KEEP_FAILED_SECONDS * 1000;
  const sentUploads = new SentUploads({ redis, prefix, receiptTtlMs, logger });
  status.sentUploads = sentUploads;
  // Before the first job: whoever holds one is known to live.
  const bucketRules = new BucketRules({ redis, config, clock });
  const storesRead = new StoresRead({ redis, config, clock, store });
  const receiver = new ReceiverHealth();
  const report = reporter({ status, atlas, receiver, clock });
  const heartbeat = await startHeartbeat({
    ...{ redis, config, clock, bucketRules, storesRead, sentUploads },
    report,
  });
  parts.add(() => heartbeat.stop());
  parts.add(() => sentUploads.stop());
  // After the first plain writes: what a user may not do, a command says better than a script.
  await checkPermissions(redis, prefix, 'worker');
  await checkBullmq(redis, prefix, clock);
  const deniedObjects = new DeniedObjects({ redis, config, clock, store }).start();
  parts.add(() => deniedObjects.stop());
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
    onError(error) {
      if (!writes.notice(error)) warn(error, 'what polls teach was not shared with others');
    },
  });
  parts.add(() => observations.stop());

  const queueOptions = { connection: redis, prefix, ...(telemetry && { telemetry }) };
  const batches = new Queue(BATCHES_QUEUE, queueOptions);
  const pollJobs = new Queue(POLLS_QUEUE, queueOptions);
  const completions = new Queue(COMPLETIONS_QUEUE, queueOptions);
  // Where no webhook is configured, nothing of this queue is written to Redis.
  const webhooks = new Queue(WEBHOOKS_QUEUE, { ...queueOptions, skipMetasUpdate: true });
  const queues: Queue[] = [batches, pollJobs, completions, webhooks];
  const watch = (emitter: EventEmitter & { name: string }) =>
    void emitter.on('error', (error) => {
      if (writes.notice(error)) return;
      if (isOfConnection(error)) redis.complain(error);
      else warn(error, `queue ${emitter.name}: error`);
    });
  for (const queue of queues) watch(queue);
  parts.add(() => Promise.all(queues.map((queue) => queue.close())));
  const pollJobPruner = new PollJobPruner({ redis, config, pollJobs });
  parts.add(() => pollJobPruner.stop());
  const gate = new Gate({
    redis,
    config,
    clock: options.quotaClock ?? clock,
    whyShut: () => atlas.whyShut,
    noticeRefusal: () => atlas.noticeRefusal(),
    onError(error) {
      if (!writes.notice(error)) warn(error, 'the gate could not be swept');
    },
  });
  gate.start();
  parts.add(() => gate.stop());
  const ownFaults = new OwnFaults({ logger, onFault: (code) => metrics.ownFaults.inc({ code }) });
  status.ownFaults = ownFaults;
  const replica = confirmationOf(options, metrics);
  parts.add(() => replica?.stop());
  status.replica = replica;
  const context: WorkerContext = {
    config,
    atlas,
    store,
    policy,
    observations,
    redis,
    batches,
    pollJobs,
    ownFaults,
    lastReadings: new LastReadings(),
    pollMemory: new PollMemory(MEMORY_LIMITS, (bytes) => metrics.pollMemoryBytes.set(bytes)),
    pollJobPruner,
    completions,
    webhooks,
    clock,
    heartbeat,
    receiver,
    gate,
    bucketRules,
    storesRead,
    deniedObjects,
    erased: new ErasedBatches({ redis, config, logger }),
    sentUploads,
    replica,
    writes,
    logger,
    lines,
    warnOfDelay({ message, reason: { code } }) {
      // Refused credentials have a line of their own, once a minute.
      if (code === 'ATLAS_AUTH') return;
      warn(undefined, `jobs wait and are tried again: ${message}`, kindOf(message));
    },
    metrics,
    random: Math.random,
    stopping,
  };
  return { context, queueOptions, watch };
}

function confirmationOf(
  { config, logger, redis }: OpenOptions,
  metrics: WorkerMetrics,
): ReplicaConfirmation | null {
  const timeoutMs = config.REPLICA_ACK_TIMEOUT_MS;
  if (timeoutMs === 0) return null;
  const connection: Redis = redis.duplicate();
  // What is wrong with Redis the other connection says.
  connection.on('error', () => {});
  const onUnconfirmed = () => metrics.unconfirmedUploads.inc();
  const prefix = config.QUEUE_PREFIX;
  return new ReplicaConfirmation({ redis: connection, prefix, timeoutMs, logger, onUnconfirmed });
}
