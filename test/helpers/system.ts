import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { onTestFinished, vi } from 'vitest';
import { loadConfig, loadConnectionConfig, wantsTraces } from '../../src/config/environment.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import type { BatchSummary } from '../../src/jobs/summary.js';
import { connectionOptions } from '../../src/redis/connection/connect.js';
import { RedisConnection } from '../../src/redis/connection/connection.js';
import { targetOf } from '../../src/redis/connection/target.js';
import type { HostedWorker } from '../../src/server/context.js';
import type { AtlasSimulator, S3Simulator } from '../../src/simulator/index.js';
import { startAtlasSimulator, startS3Simulator } from '../../src/simulator/index.js';
import { createTelemetry } from '../../src/telemetry.js';
import { type AtlasBatchWorker, runWorker, type WorkerParts } from '../../src/workers/worker.js';
import { testRedis } from './redis.js';
import { waitUntil } from './wait-until.js';
import { FAULT_PRELOAD, spawnWorker, type WorkerProcess } from './worker-process.js';

type AtlasOptions = Partial<Parameters<typeof startAtlasSimulator>[0]>;

/** Documents arrive quickly, one by one and out of order, unless a test says otherwise. */
const COMPLETION_MS = ({ random }: { random: () => number }) => 50 + 250 * random();

export interface SystemOptions {
  atlas?: AtlasOptions;
  environment?: Record<string, string>;
  redisUrl?: string;
  /** Variables of a Redis that is more than one server; `redisUrl` is not used then. */
  redis?: Record<string, string>;
  /** An S3 that several systems share, each with a results bucket of its own. */
  s3?: S3Simulator;
}

const S3_CREDENTIALS = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' };

/** Stopped after the test. In-process workers read where it is from the process's environment. */
export async function startTestS3(): Promise<S3Simulator> {
  const s3 = await startS3Simulator(S3_CREDENTIALS);
  onTestFinished(() => s3.stop());
  return s3;
}

/** Everything around a worker: Redis, Atlas, S3, and the queues as an upstream app sees them. */
export interface System {
  atlas: AtlasSimulator;
  s3: S3Simulator;
  redis: Redis;
  batches: Queue;
  pollJobs: Queue;
  completions: Queue<BatchSummary>;
  environment: Record<string, string>;
  prefix: string;
  /** Puts the scans of a batch into S3; its documents are `<idPrefix>001`, `<idPrefix>002` … */
  request(reference: string, documents: number, idPrefix?: string): Promise<BatchRequest>;
  /** Adds the job as CONTRACT says, with plain BullMQ. */
  add(data: unknown, jobId?: string, name?: string): Promise<void>;
  submit(reference: string, documents: number, idPrefix?: string): Promise<BatchRequest>;
  /** Waits for a completion event. */
  event(eventId: string, timeoutMs?: number): Promise<{ name: string; data: BatchSummary }>;
  startWorker(environment?: Record<string, string>, parts?: WorkerParts): Promise<AtlasBatchWorker>;
  startWorkerProcess(environment?: Record<string, string>): Promise<WorkerProcess>;
  /** One that dies, or freezes, at its n-th write to a socket; perhaps before it has started. */
  spawnFaultyWorker(
    at: number,
    when: 'before' | 'after',
    signal: 'SIGKILL' | 'SIGSTOP',
  ): WorkerProcess;
}

/** What a test itself asks Redis by: it waits for a Redis that is away, or elsewhere. */
function connectRedis(variables: Record<string, string>, prefix: string): Redis {
  const target = targetOf(loadConnectionConfig({ ...variables, QUEUE_PREFIX: prefix }));
  const redis = new RedisConnection({
    ...connectionOptions(target, prefix),
    maxRetriesPerRequest: null,
    resendForMs: Number.POSITIVE_INFINITY,
  });
  redis.on('error', () => {});
  return redis;
}

/** Starts a system of its own for the test that is running, and stops all of it after. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { url, prefix } = testRedis();
  const redisUrl = options.redisUrl ?? url;
  const s3 = options.s3 ?? (await startTestS3());
  const resultsBucket = options.s3 ? `results-${prefix.slice(3, -1)}` : 'results';
  const atlas = await startAtlasSimulator({
    clientId: 'test-client',
    clientSecret: 'test-client-secret',
    completionMs: COMPLETION_MS,
    ...options.atlas,
  });
  onTestFinished(() => atlas.stop());
  const where = options.redis ?? { REDIS_URL: redisUrl };
  const redis = connectRedis(where, prefix);
  onTestFinished(() => redis.disconnect());
  const [batches, pollJobs, completions] = [
    'atlas-batches',
    'atlas-polls',
    'atlas-completions',
  ].map((name) => new Queue(name, { connection: redis, prefix })) as [
    Queue,
    Queue,
    Queue<BatchSummary>,
  ];

  for (const queue of [batches, pollJobs, completions]) queue.on('error', () => {});
  const environment = {
    ...where,
    QUEUE_PREFIX: prefix,
    ATLAS_BASE_URL: atlas.url,
    ATLAS_CLIENT_ID: 'test-client',
    ATLAS_CLIENT_SECRET: 'test-client-secret',
    RESULTS_BUCKET: resultsBucket,
    S3_ALLOWED_BUCKETS: 'kyc-documents',
    S3_FORCE_PATH_STYLE: 'true',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    POLL_MIN_MS: '50',
    POLL_MAX_MS: '400',
    LOG_LEVEL: 'info',
    ...options.environment,
  };
  for (const [name, value] of Object.entries(pickAws(environment))) vi.stubEnv(name, value);
  // Other files run in this process too.
  onTestFinished(() => void vi.unstubAllEnvs());

  const processes: WorkerProcess[] = [];
  const system: System = {
    atlas,
    s3,
    redis,
    batches,
    pollJobs,
    completions,
    environment,
    prefix,
    async request(reference, documents, idPrefix = '') {
      const ids = Array.from(
        { length: documents },
        (_, i) => idPrefix + String(i + 1).padStart(3, '0'),
      );
      const list = ids.map((documentId) => ({
        documentId,
        bucket: 'kyc-documents',
        key: `${reference}/${documentId}.jpg`,
      }));
      await Promise.all(list.map(({ bucket, key }) => s3.put(bucket, key, `scan of ${key}`)));
      return { reference, productType: 'LOAN_APP', documents: list };
    },
    async add(data, jobId, name = 'batch') {
      const { reference } = data as BatchRequest;
      await batches.add(name, data, { jobId: jobId ?? `batch-${reference}` });
    },
    async submit(reference, documents, idPrefix) {
      const request = await system.request(reference, documents, idPrefix);
      await system.add(request);
      return request;
    },
    async event(eventId, timeoutMs) {
      const event = waitUntil(`the event ${eventId}`, () => completions.getJob(eventId), timeoutMs);
      const { name, data } = await event.catch((error: Error) => {
        throw new Error(`${error.message}; ${processes.map(lastWords).join('; ')}`);
      });
      return { name, data };
    },
    async startWorker(more = {}, parts = {}) {
      const variables = { ...environment, LOG_LEVEL: 'silent', ...more };
      const telemetry = await createTelemetry(wantsTraces(variables));
      const worker = await runWorker(loadConfig(variables), { telemetry, ...parts });
      onTestFinished(() => worker.stop());
      return worker;
    },
    async startWorkerProcess(more = {}) {
      const child = spawnWorker({ ...environment, ...more });
      processes.push(child);
      onTestFinished(() => child.kill());
      await child.started();
      return child;
    },
    spawnFaultyWorker(at, when, signal) {
      const fault = { FAULT_AT: `${at}`, FAULT_WHEN: when, FAULT_SIGNAL: signal };
      const child = spawnWorker({ ...environment, ...fault }, ['--import', FAULT_PRELOAD]);
      onTestFinished(() => child.kill());
      return child;
    },
  };
  return system;
}

/** Whether a worker still runs, and what it said last, for a test that waits for it in vain. */
function lastWords(worker: WorkerProcess): string {
  return `worker ${worker.pid} ${worker.hasExited ? 'has ended' : 'runs'}: ${worker.output().slice(-4000)}`;
}

/** The worker as the HTTP server in its process knows it. */
export function hosted({ metrics: { registry } }: AtlasBatchWorker): HostedWorker {
  return { registry, whyNotReady: () => [], whyNotLive: async () => [] };
}

/** The SDK reads these from the process; every test file runs in a process of its own. */
function pickAws(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => name.startsWith('AWS_')),
  );
}
