/** A private Redis, the stand-ins and one contender, each with processes of its own. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { BATCHES_QUEUE, COMPLETIONS_QUEUE } from '../../src/jobs/queues.js';
import type { Priority } from '../../src/jobs/request/request.js';
import type { AtlasFaultRule, AtlasSimulatorOptions } from '../../src/simulator/index.js';
import { until } from './until.js';
import { CREDENTIALS, FIRST_POLL_MS, RESULTS_BUCKET, request } from './work.js';

/** Jobs added at once: one script each, in one write. */
const ADDED_AT_ONCE = 1000;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The programs that process batches. Each is configured by its environment. */
export const CONTENDERS = {
  'atlas-batch': [here('../../dist/cli.js'), 'worker'],
  'floor: bare BullMQ': ['--import', 'tsx', here('contenders/floor.process.ts')],
  'baseline: by hand': ['--import', 'tsx', here('contenders/baseline.process.ts')],
} satisfies Record<string, string[]>;
export type Contender = keyof typeof CONTENDERS;

/** The contenders, the worker with the HTTP server in its process, and the same job on PostgreSQL. */
const PROGRAMS = {
  ...CONTENDERS,
  'pg-boss': ['--import', 'tsx', here('../peers/pg-boss.process.ts')],
  'atlas-batch with its server': [here('../../dist/cli.js'), 'start'],
} satisfies Record<string, string[]>;
export type Program = keyof typeof PROGRAMS;

/** How the stand-in for Atlas differs from one that has every document at once. */
export interface AtlasHabits extends Pick<AtlasSimulatorOptions, 'callback' | 'maxPerPage'> {
  /** Time from submission until the documents of a batch are there. Default 0. */
  completionMs?: number;
  faults?: AtlasFaultRule[];
  /** Polls of each batch that find it not ready, before the one that finds it complete. Default 0. */
  negativePolls?: number;
  /** How long S3 takes to store a result. Default 0. */
  storeMs?: number;
  /** The faults meet only batches of documents whose ids begin with this. */
  faultsOf?: string;
}

/** Numbers of HTTP requests that the stand-ins answered without an error. */
export interface Asked {
  uploads: number;
  polls: number;
  checks: number;
  results: number;
}

export interface Stage {
  redis: Redis;
  prefix: string;
  redisProcess: PrivateRedis;
  batches: Queue;
  completions: Queue;
  /** Where the stand-in for S3 listens. */
  s3Url: string;
  /**
   * Starts the program, in place of the one before.
   * @param processes how many of it
   * @returns their ids
   */
  start(
    program: Program,
    environment?: Record<string, string>,
    processes?: number,
  ): Promise<number[]>;
  /** Starts one more process beside those that run. */
  startBeside(program: Program, environment?: Record<string, string>): void;
  /** Adds batches `from` to `to`. `name` begins their references, and the ids of their documents. */
  enqueue(from: number, to: number, name?: string, priority?: Priority): Promise<void>;
  /** Resolves when so many batches have completed, events included; throws if one failed. */
  completed(count: number): Promise<void>;
  asked(): Promise<Asked>;
  stop(): Promise<void>;
}

export async function setStage(habits: AtlasHabits = {}): Promise<Stage> {
  const redisProcess = await startPrivateRedis();
  const standIns = fork(here('stand-ins.process.ts'), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, BENCH_ATLAS: JSON.stringify(habits) },
  });
  const [addresses] = (await once(standIns, 'message')) as [Record<string, string>];
  const redis = new Redis(redisProcess.url, { maxRetriesPerRequest: null });
  const prefix = '{bench}';
  const queue = (name: string) => new Queue(name, { connection: redis, prefix });
  const batches = queue(BATCHES_QUEUE);
  const completions = queue(COMPLETIONS_QUEUE);
  const environment = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    REDIS_URL: redisProcess.url,
    QUEUE_PREFIX: prefix,
    ATLAS_BASE_URL: addresses.atlasUrl,
    ATLAS_CLIENT_ID: addresses.clientId,
    ATLAS_CLIENT_SECRET: addresses.clientSecret,
    RESULTS_BUCKET,
    S3_FORCE_PATH_STYLE: 'true',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: addresses.s3Url,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    POLL_MIN_MS: String(FIRST_POLL_MS),
    POLL_MAX_MS: String(FIRST_POLL_MS),
    LOG_LEVEL: 'warn',
  };
  const spawnProgram = (program: Program, more: Record<string, string> = {}) =>
    spawn(process.execPath, PROGRAMS[program], {
      env: { ...environment, ...more },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  let running: ChildProcess[] = [];
  const end = async () => {
    const alive = running.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    await Promise.all(
      alive.map((child) => {
        child.kill('SIGTERM');
        return once(child, 'exit');
      }),
    );
  };

  return {
    redis,
    prefix,
    redisProcess,
    batches,
    completions,
    s3Url: addresses.s3Url ?? '',
    async start(program, more, processes = 1) {
      await end();
      running = Array.from({ length: processes }, () => spawnProgram(program, more));
      return running.map(({ pid = 0 }) => pid);
    },
    startBeside(program, more) {
      running.push(spawnProgram(program, more));
    },
    async enqueue(from, to, name = '', priority) {
      for (let at = from; at < to; at += ADDED_AT_ONCE) {
        const count = Math.min(ADDED_AT_ONCE, to - at);
        await batches.addBulk(
          Array.from({ length: count }, (_, i) => {
            const reference = `${name || 'b'}${at + i}`;
            const opts = { jobId: `batch-${reference}` };
            const data = { ...request(reference, name), ...(priority && { priority }) };
            return { name: 'batch', data, opts };
          }),
        );
      }
    },
    async completed(count) {
      await until(async () => {
        if (running.some(({ exitCode }) => exitCode !== null)) {
          throw new Error('the contender ended before its work did');
        }
        const [failed, done, events] = await Promise.all([
          batches.getFailedCount(),
          batches.getCompletedCount(),
          completions.count(),
        ]);
        if (failed > 0) throw new Error(`${failed} batches failed`);
        return done >= count && events >= count;
      });
    },
    async asked() {
      standIns.send('asked');
      const [asked] = (await once(standIns, 'message')) as [Asked];
      return asked;
    },
    async stop() {
      await end();
      await Promise.all([batches.close(), completions.close()]);
      redis.disconnect();
      standIns.disconnect();
      await redisProcess.stop();
    },
  };
}
