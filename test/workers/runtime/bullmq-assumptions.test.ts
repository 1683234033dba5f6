/**
 * What this project takes for granted about BullMQ beyond its documentation, each as one test
 * against the real library. `bullmq` is pinned exactly: an upgrade that breaks an assumption fails
 * here and not in production.
 */
import { once } from 'node:events';
import {
  DelayedError,
  ErrorCode,
  type Job,
  type JobJson,
  type JobsOptions,
  type Processor,
  Queue,
  WaitingError,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { testRedis } from '../../helpers/redis.js';
import { waitUntil } from '../../helpers/wait-until.js';

const QUEUE = 'jobs';
const CHILDREN = 'children';
const TOKEN = 'token';
const LONG_MS = 3_600_000;
const LOCK_MS = 30_000;

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

function start(processor: Processor | null = null, settings: Partial<WorkerOptions> = {}) {
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

test('BullMQ is pinned to one version, and the methods that are overridden or called are those of its Worker', () => {
  expect(manifest.dependencies.bullmq).toMatch(/^\d+\.\d+\.\d+$/);
  for (const method of ['moveToActive', 'nextJobFromJobData', 'extendJobLocks']) {
    expect(Worker.prototype).toHaveProperty(method, expect.any(Function));
  }
});

describe('the keys of BullMQ', () => {
  test('a job is a hash at <prefix>:<queue>:<id> with these fields', async () => {
    const { add, fetch, hash, redis, queue } = start();
    await add('one', { delay: LONG_MS });
    expect(queue.toKey('one')).toBe(`${queue.qualifiedName}:one`);
    expect(await hash('one')).toMatchObject({
      name: 'job',
      data: '{}',
      opts: expect.any(String),
      timestamp: expect.stringMatching(/^\d{13}$/),
      delay: String(LONG_MS),
    });
    expect(await redis.zrange(queue.toKey('delayed'), '0', '-1')).toEqual(['one']);
    await (await queue.getJob('one'))?.promote();
    const job = await fetch();
    await job.updateProgress({ v: 1 });
    expect(await hash('one')).toMatchObject({
      progress: '{"v":1}',
      processedOn: expect.stringMatching(/^\d{13}$/),
      ats: '1',
    });
    await job.moveToFailed(new Error('broken'), TOKEN, false);
    expect(await hash('one')).toMatchObject({
      atm: '1',
      failedReason: 'broken',
      finishedOn: expect.stringMatching(/^\d{13}$/),
    });
    expect(await redis.zrange(queue.toKey('failed'), '0', '-1')).toEqual(['one']);
  });

  test('the lock of an active job is a string with the token, for the duration of the lock', async () => {
    const { fetchOne, redis, queue } = start();
    await fetchOne();
    const lock = queue.toKey('one:lock');
    expect(await redis.get(lock)).toBe(TOKEN);
    expect(await redis.pttl(lock)).toBeGreaterThan(LOCK_MS - 5000);
    expect(await redis.pttl(lock)).toBeLessThanOrEqual(LOCK_MS);
    expect(await redis.lrange(queue.toKey('active'), '0', '-1')).toEqual(['one']);
  });

  test('the log of a job is a list, and its progress an entry of the stream of events', async () => {
    const { fetchOne, redis, queue } = start();
    const job = await fetchOne();
    await job.log('a line');
    await job.updateProgress({ step: 1 });
    expect(await redis.lrange(queue.toKey('one:logs'), '0', '-1')).toEqual(['a line']);
    const [last] = await redis.xrevrange(queue.toKey('events'), '+', '-', 'COUNT', 1);
    expect(last?.[1]).toEqual(['event', 'progress', 'jobId', 'one', 'data', '{"step":1}']);
    await job.moveToCompleted('value', TOKEN, false);
    const events = await redis.xrevrange(queue.toKey('events'), '+', '-', 'COUNT', 2);
    const completed = events.find(([, fields]) => fields.includes('completed'));
    expect(completed?.[1]).toEqual(expect.arrayContaining(['jobId', 'one', 'returnvalue']));
  });

  test('a parent keeps the results of its children in a hash, and a child its parent', async () => {
    const { fetchOne, addChild, endChild, redis, queue, children } = start();
    await fetchOne();
    await addChild('child', 'one');
    const childKey = children.toKey('child');
    expect(await redis.hget(childKey, 'parentKey')).toBe(queue.toKey('one'));
    expect(await redis.smembers(queue.toKey('one:dependencies'))).toEqual([childKey]);
    await endChild('child');
    expect(await redis.hgetall(queue.toKey('one:processed'))).toEqual({ [childKey]: '"value"' });
    expect(await redis.zrange(children.toKey('completed'), '0', '-1')).toEqual(['child']);
  });

  test('a job with a priority is in a set of its own, which is read when none waits', async () => {
    const { add, fetch, redis, queue } = start();
    await add('urgent', { priority: 1 });
    await add('plain');
    expect(await redis.zrange(queue.toKey('prioritized'), '0', '-1')).toEqual(['urgent']);
    expect(await redis.lrange(queue.toKey('wait'), '0', '-1')).toEqual(['plain']);
    expect([(await fetch()).id, (await fetch('other')).id]).toEqual(['plain', 'urgent']);
  });

  test('a waiting job enters the list at its head and leaves it at its tail', async () => {
    const { add, fetch, redis, queue } = start();
    for (const jobId of ['first', 'second']) await add(jobId);
    expect(await redis.lindex(queue.toKey('wait'), -1)).toBe('first');
    expect((await fetch()).id).toBe('first');
  });

  test('an id that is a whole number or holds a colon is refused', async () => {
    const { add } = start();
    await expect(add('123')).rejects.toThrow(/integer/i);
    await expect(add('a:b')).rejects.toThrow(/:/);
  });
});

describe('the errors of BullMQ', () => {
  test('a move of a job that is gone has the code JobNotExist, -1', async () => {
    const { fetchOne, redis, queue } = start();
    const job = await fetchOne();
    await redis.del(queue.toKey('one'));
    const error = { code: ErrorCode.JobNotExist };
    await expect(job.moveToDelayed(Date.now(), TOKEN)).rejects.toMatchObject(error);
    await expect(job.updateProgress({})).rejects.toMatchObject(error);
    expect(ErrorCode.JobNotExist).toBe(-1);
  });

  test('a move without the lock has the code -2, and with the lock of another -6', async () => {
    const { fetchOne, redis, queue } = start();
    const job = await fetchOne();
    const move = () => job.moveToDelayed(Date.now() + LONG_MS, TOKEN);
    await redis.set(queue.toKey('one:lock'), 'another');
    await expect(move()).rejects.toMatchObject({ code: -6 });
    await redis.del(queue.toKey('one:lock'));
    await expect(move()).rejects.toMatchObject({ code: -2 });
  });

  test('the promotion of a job that is not delayed has the code JobNotInState, -3', async () => {
    const { add, fetch, stateOf } = start();
    const error = { code: ErrorCode.JobNotInState };
    const job = await add('one');
    await expect(job.promote()).rejects.toMatchObject(error);
    const active = await fetch();
    await expect(job.promote()).rejects.toMatchObject(error);
    await active.moveToCompleted('', TOKEN, false);
    await expect(job.promote()).rejects.toMatchObject(error);
    expect(await stateOf('one')).toBe('completed');
    expect(ErrorCode.JobNotInState).toBe(-3);
  });

  test('the retry of a job that has not ended has the code JobNotInState, -3', async () => {
    const { add } = start();
    const job = await add('one');
    await expect(job.retry('failed')).rejects.toMatchObject({ code: ErrorCode.JobNotInState });
  });

  test('a child of a missing parent has the code ParentJobNotExist, -5', async () => {
    const { addChild } = start();
    await expect(addChild('child', 'nobody')).rejects.toMatchObject({
      code: ErrorCode.ParentJobNotExist,
    });
    expect(ErrorCode.ParentJobNotExist).toBe(-5);
  });

  test('a child of another living parent has the code ParentJobCannotBeReplaced, -7', async () => {
    const { add, addChild } = start();
    for (const jobId of ['one', 'other']) await add(jobId);
    await addChild('child', 'one');
    await expect(addChild('child', 'other')).rejects.toMatchObject({
      code: ErrorCode.ParentJobCannotBeReplaced,
    });
    expect(ErrorCode.ParentJobCannotBeReplaced).toBe(-7);
  });
});

describe('moves of a job in BullMQ', () => {
  test('the move to delayed of the backend fetches the next job in the same script', async () => {
    const { fetchOne, add, worker, hash, stateOf } = start();
    const job = await fetchOne();
    await add('two');
    const options = { skipAttempt: true, fetchNext: true };
    const [data, id] =
      (await worker.backend.moveToDelayed('one', Date.now(), LONG_MS, TOKEN, options)) ?? [];
    expect(id).toBe('two');
    const next = await worker.nextJobFromJobData(data, id, TOKEN);
    expect(next).toMatchObject({ id: 'two', token: TOKEN, attemptsStarted: 1 });
    expect(await hash('one')).not.toHaveProperty('atm');
    expect(await Promise.all([stateOf('one'), stateOf('two')])).toEqual(['delayed', 'active']);
    await expect(job.moveToDelayed(Date.now(), TOKEN)).rejects.toMatchObject({ code: -2 });
  });

  test('the move to delayed of the backend fetches nothing when no job waits, or without the lock', async () => {
    const { fetchOne, add, worker, redis, queue, stateOf } = start();
    await fetchOne();
    const move = () =>
      worker.backend.moveToDelayed('one', Date.now(), LONG_MS, TOKEN, { fetchNext: true });
    await redis.rename(queue.toKey('one:lock'), queue.toKey('away'));
    await add('two');
    await expect(move()).rejects.toMatchObject({ code: -2 });
    expect(await stateOf('two')).toBe('waiting');
    await redis.rename(queue.toKey('away'), queue.toKey('one:lock'));
    await (await queue.getJob('two'))?.remove();
    expect((await move()) ?? []).toEqual([]);
  });

  test('a job that is moved from active to wait is the next to be fetched', async () => {
    const { fetchOne, add, fetch, worker, redis, queue } = start();
    await fetchOne();
    await add('two');
    await worker.backend.moveJobFromActiveToWait('one', TOKEN);
    expect(await redis.exists(queue.toKey('one:lock'))).toBe(0);
    expect((await fetch()).id).toBe('one');
  });

  test('neither progress nor a child needs the lock of the job', async () => {
    const { fetchOne, addChild, redis, queue, hash } = start();
    const job = await fetchOne();
    await redis.set(queue.toKey('one:lock'), 'another');
    await job.updateProgress({ v: 2 });
    await addChild('child', 'one');
    expect((await hash('one')).progress).toBe('{"v":2}');
  });

  test('only a plain error raises attemptsMade, and every run attemptsStarted', async () => {
    const { add, queue } = start(async (job, token = '') => {
      const run = job.attemptsStarted;
      if (run === 1) {
        await job.moveToDelayed(Date.now(), token);
        throw new DelayedError();
      }
      if (run === 2) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (run === 3) throw new Error('broken');
    });
    await add('one', { attempts: 2 });
    await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
    expect(await queue.getJob('one')).toMatchObject({ attemptsMade: 2, attemptsStarted: 4 });
  });

  test('a promoted job waits behind those that wait', async () => {
    const { add, fetch } = start();
    const late = await add('late', { delay: LONG_MS });
    await add('early');
    await late.promote();
    expect([(await fetch()).id, (await fetch('other')).id]).toEqual(['early', 'late']);
  });

  test('a finished job is removed by its age when another one ends, and not before', async () => {
    const { add, fetch, queue, redis } = start();
    const keep = { removeOnComplete: { age: 1 } };
    for (const jobId of ['old', 'new']) await add(jobId, keep);
    await (await fetch()).moveToCompleted('', TOKEN, false);
    await redis.zadd(queue.toKey('completed'), Date.now() - LONG_MS, 'old');
    expect(await queue.getJob('old')).toBeDefined();
    await (await fetch()).moveToCompleted('', TOKEN, false);
    expect(await queue.getJob('old')).toBeUndefined();
  });
});

describe('parents and children in BullMQ', () => {
  test('moveToWaitingChildren returns false when no child is pending', async () => {
    const { fetchOne, addChild, endChild, stateOf } = start();
    const job = await fetchOne();
    await addChild('child', 'one');
    await endChild('child');
    expect(await job.moveToWaitingChildren(TOKEN)).toBe(false);
    expect(await stateOf('one')).toBe('active');
  });

  test('the last child that ends wakes a parent that waits for children', async () => {
    const { fetchOne, addChild, endChild, stateOf } = start();
    const job = await fetchOne();
    await addChild('child', 'one');
    expect(await job.moveToWaitingChildren(TOKEN)).toBe(true);
    await expect(job.promote()).rejects.toMatchObject({ code: ErrorCode.JobNotInState });
    await endChild('child');
    expect(await stateOf('one')).toBe('waiting');
  });

  test('the end of a child does not wake a parent that is delayed', async () => {
    const { fetchOne, addChild, endChild, stateOf } = start();
    const job = await fetchOne();
    await addChild('child', 'one');
    await job.moveToDelayed(Date.now() + LONG_MS, TOKEN);
    await endChild('child');
    expect(await stateOf('one')).toBe('delayed');
  });

  test('a child that completed may be added again, and nobody waits for it', async () => {
    const { fetchOne, addChild, endChild } = start();
    const job = await fetchOne();
    await addChild('child', 'one');
    await endChild('child');
    await addChild('child', 'one');
    expect(await job.moveToWaitingChildren(TOKEN)).toBe(false);
  });

  test('a child that failed and is added again is waited for, and does not run', async () => {
    const { fetchOne, addChild, endChild, children, stateOf } = start();
    const job = await fetchOne();
    const options = { continueParentOnFailure: true };
    await addChild('child', 'one', options);
    await endChild('child', new Error('broken'));
    await addChild('child', 'one', options);
    expect(await job.moveToWaitingChildren(TOKEN)).toBe(true);
    expect(await stateOf('one')).toBe('waiting-children');
    expect(await children.getJobState('child')).toBe('failed');
  });

  test('a child that ended and is retried is waited for again', async () => {
    const { fetchOne, addChild, endChild, children } = start();
    const job = await fetchOne();
    await addChild('child', 'one');
    await endChild('child');
    await (await children.getJob('child'))?.retry('completed');
    expect(await job.moveToWaitingChildren(TOKEN)).toBe(true);
  });

  test('a child that fails wakes its parent when it was added with continueParentOnFailure', async () => {
    const { fetchOne, addChild, endChild, stateOf } = start();
    const job = await fetchOne();
    await addChild('child', 'one', { continueParentOnFailure: true });
    await job.moveToWaitingChildren(TOKEN);
    await endChild('child', new Error('broken'));
    expect(await stateOf('one')).toBe('waiting');
  });

  test('a child that is removed by hand wakes its parent', async () => {
    const { fetchOne, addChild, stateOf } = start();
    const job = await fetchOne();
    const child = await addChild('child', 'one');
    await job.moveToWaitingChildren(TOKEN);
    await child.remove();
    expect(await stateOf('one')).toBe('waiting');
  });

  test('a child may be added to a parent that failed', async () => {
    const { fetchOne, addChild, stateOf } = start();
    const job = await fetchOne();
    await job.moveToFailed(new Error('broken'), TOKEN, false);
    await addChild('child', 'one');
    expect(await stateOf('one')).toBe('failed');
  });
});

describe('stalled jobs in BullMQ', () => {
  test('an active job without a lock waits again after two checks, and stc counts it for life', async () => {
    const { fetchOne, fetch, checkForStalledJobs, redis, queue, hash, stateOf } = start(null, {
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    await fetchOne();
    for (const stalls of ['1', '2']) {
      await redis.del(queue.toKey('one:lock'));
      await checkForStalledJobs();
      expect(await stateOf('one')).toBe('waiting');
      expect((await hash('one')).stc).toBe(stalls);
      const job = await fetch();
      expect(job.stalledCounter).toBe(Number(stalls));
    }
  });

  test('an active job with a lock that is in the set of stalled jobs stays active', async () => {
    const { fetchOne, checkForStalledJobs, redis, queue, stateOf } = start();
    await fetchOne();
    await checkForStalledJobs();
    expect(await redis.smembers(queue.toKey('stalled'))).toEqual(['one']);
    expect(await stateOf('one')).toBe('active');
  });

  test('a job past maxStalledCount fails without a call of the processor', async () => {
    const runs: number[] = [];
    const scene = start(null, { maxStalledCount: 0 });
    await scene.fetchOne();
    await scene.redis.del(scene.queue.toKey('one:lock'));
    await scene.checkForStalledJobs();
    const { connection, prefix = '' } = scene.queue.opts;
    const worker = new Worker(QUEUE, async () => void runs.push(1), { connection, prefix });
    await once(worker, 'failed');
    await worker.close();
    expect(runs).toEqual([]);
    expect((await scene.hash('one')).failedReason).toMatch(/stalled/);
  });
});

describe('workers of BullMQ', () => {
  test('a worker calls moveToActive for its first job and after a control error, with one token, and not after a job that ends', async () => {
    let fetched: string[] | undefined;
    const { add, worker, queue } = start(async (job, token = '') => {
      if (job.id === 'first') {
        await job.moveToDelayed(Date.now() + LONG_MS, token);
        throw new DelayedError();
      }
      if (job.id === 'third') fetched = [...worker.fetchTokens];
    });
    await worker.pause();
    for (const jobId of ['first', 'second', 'third']) await add(jobId);
    worker.fetchTokens.length = 0;
    await worker.resume();
    await waitUntil('the end of the third', async () => (await queue.getCompletedCount()) === 2);
    expect(fetched).toHaveLength(2);
    expect(new Set(fetched).size).toBe(1);
  });

  test('a worker renews the locks of its jobs by a timer, but not with skipLockRenewal', async () => {
    for (const skipLockRenewal of [false, true]) {
      const renews: boolean[] = [];
      const { add, worker, queue } = start(async () => void renews.push(worker.renewsLocks), {
        skipLockRenewal,
      });
      await add('one');
      await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
      expect(renews).toEqual([!skipLockRenewal]);
    }
  });

  test('a worker that renews locks says which it could not renew, and renews the others', async () => {
    const { fetchOne, add, fetch, worker, redis, queue } = start();
    await fetchOne();
    await add('two');
    await fetch();
    await redis.set(queue.toKey('one:lock'), 'another');
    const lost = await worker.extendJobLocks(['one', 'two'], [TOKEN, TOKEN], 2 * LOCK_MS);
    expect(lost).toEqual(['one']);
    expect(await redis.pttl(queue.toKey('two:lock'))).toBeGreaterThan(LOCK_MS);
    expect(await redis.get(queue.toKey('one:lock'))).toBe('another');
  });

  test('a worker has an event with the jobs whose locks it could not renew by itself', async () => {
    const { add, worker, redis, queue } = start(
      async (_job, token = '') => {
        await redis.set(queue.toKey('one:lock'), 'another');
        await once(worker, 'lockRenewalFailed');
        await redis.set(queue.toKey('one:lock'), token);
      },
      { lockDuration: 200 },
    );
    const failed = once(worker, 'lockRenewalFailed');
    await add('one');
    expect(await failed).toEqual([['one']]);
  });

  test('a worker takes a job off the set of stalled ones when it renews its lock', async () => {
    const { fetchOne, worker, redis, queue } = start();
    await fetchOne();
    await redis.sadd(queue.toKey('stalled'), 'one');
    expect(await worker.extendJobLocks(['one'], [TOKEN], LOCK_MS)).toEqual([]);
    expect(await redis.scard(queue.toKey('stalled'))).toBe(0);
  });

  test('a worker gives a signal only to a processor that declares three parameters', async () => {
    const given: unknown[] = [];
    const undeclared = start((...args) => Promise.resolve(void given.push(args[2])));
    const declared = start((_job, _token, signal) => Promise.resolve(void given.push(signal)));
    for (const { add, queue } of [undeclared, declared]) {
      await add('one');
      await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
    }
    expect(given).toEqual([undefined, expect.objectContaining({ aborted: false })]);
  });

  test('a worker that is closed by force after it was closed returns the first, unforced promise', async () => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { add, worker } = start(() => ended);
    const active = once(worker, 'active');
    const closing = once(worker, 'closing');
    await add('one');
    await active;
    let closed = false;
    const first = worker.close();
    await closing;
    const forced = worker.close(true).then(() => {
      closed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    end();
    await Promise.all([first, forced]);
  });
});
