/**
 * A BullMQ worker whose jobs a test fetches and moves by hand. The tests of this folder check what
 * this project takes for granted about BullMQ beyond its documentation, each assumption against the
 * real library. `bullmq` is pinned exactly: an upgrade that breaks an assumption fails here and not
 * in production.
 */
import {
  type Job,
  type JobJson,
  type JobsOptions,
  type Processor,
  Queue,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { testRedis } from '../../../helpers/redis.js';

export const QUEUE = 'jobs';
const CHILDREN = 'children';
export const TOKEN = 'token';
export const LONG_MS = 3_600_000;
export const LOCK_MS = 30_000;

/** Shows what is protected in BullMQ and what this project overrides. */
class OpenWorker extends Worker {
  readonly fetchTokens: string[] = [];

  constructor(processor: Processor | null, options: WorkerOptions) {
    super(QUEUE, processor, { ...options, autorun: false });
    this.on('error', () => {});
    if (processor) void this.run();
  }

  get renewsLocks(): boolean {
    return this.lockManager.isRunning();
  }

  override nextJobFromJobData(data?: JobJson, id?: string, token?: string): Promise<Job> {
    return super.nextJobFromJobData(data, id, token);
  }

  override moveToActive(token: string, name?: string): Promise<Job> {
    this.fetchTokens.push(token);
    return super.moveToActive(token, name);
  }
}

export function startBullmq(
  processor: Processor | null = null,
  settings: Partial<WorkerOptions> = {},
) {
  const { url, prefix } = testRedis();
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const options = { connection: redis, prefix };
  const queue = new Queue(QUEUE, options);
  const children = new Queue(CHILDREN, options);
  const worker = new OpenWorker(processor, { ...options, lockDuration: LOCK_MS, ...settings });
  onTestFinished(async () => {
    await Promise.all([worker.close(), queue.close(), children.close()]);
    redis.disconnect();
  });
  const add = (jobId: string, more: JobsOptions = {}) => queue.add('job', {}, { jobId, ...more });
  /** Fetches a job as the main loop does. */
  const fetch = async (token = TOKEN): Promise<Job> => {
    const job = await worker.getNextJob(token, { block: false });
    if (!job) throw new Error('no job waits');
    return job;
  };
  return {
    redis,
    queue,
    children,
    worker,
    add,
    fetch,
    async fetchOne(): Promise<Job> {
      await add('one');
      return fetch();
    },
    hash: (jobId: string) => redis.hgetall(queue.toKey(jobId)),
    stateOf: (jobId: string) => queue.getJobState(jobId),
    addChild: (jobId: string, parent: string, more: JobsOptions = {}) =>
      children.add(
        'child',
        {},
        { jobId, parent: { id: parent, queue: `${prefix}:${QUEUE}` }, ...more },
      ),
    /** Ends a child: its processor's value, or the error that it throws. */
    async endChild(jobId: string, error?: Error): Promise<void> {
      const other = new Worker(CHILDREN, null, { ...options, autorun: false });
      const job = await other.getNextJob('child-token', { block: false });
      expect(job?.id).toBe(jobId);
      if (error) await job?.moveToFailed(error, 'child-token', false);
      else await job?.moveToCompleted('value', 'child-token', false);
      await other.close();
    },
    /** Two checks, as of two workers: the first suspects, the second decides. */
    async checkForStalledJobs(): Promise<void> {
      for (const _ of ['suspect', 'decide']) {
        await redis.del(queue.toKey('stalled-check'));
        await worker.backend.moveStalledJobsToWait();
      }
    },
  };
}
