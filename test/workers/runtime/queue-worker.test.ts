import { once } from 'node:events';
import { DelayedError, type Job, Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { LockLostError } from '../../../src/errors.js';
import { createLogger } from '../../../src/logging.js';
import type { Clock } from '../../../src/redis/clock.js';
import type { PausingWorker } from '../../../src/redis/pausing-worker.js';
import { connectRedis } from '../../../src/redis/worker-connection.js';
import { createQueueWorker } from '../../../src/workers/runtime/queue-worker.js';
import type { Slot } from '../../../src/workers/runtime/slot.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { watchFetches } from '../../helpers/watch-fetches.js';

const QUEUE = 'jobs';
const LONG_MS = 3_600_000;

interface Scene {
  worker: PausingWorker<unknown, void>;
  job: Job;
  slot: Slot;
  /** Of the first job and of the second. */
  states(): Promise<string[]>;
  /** Takes the lock of the first job away until the step is over. */
  withoutLock(step: () => Promise<void>): Promise<void>;
}

/** A worker with one slot, and two jobs: `first` says what becomes of the first, the second ends. */
async function twoJobs(first: (scene: Scene) => Promise<void>) {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), createLogger('silent'));
  const options = { connection: redis, prefix };
  const queue = new Queue(QUEUE, options);
  const states = () => Promise.all(['first', 'second'].map((id) => queue.getJobState(id)));
  await queue.addBulk(
    ['first', 'second'].map((jobId) => ({ name: 'job', data: {}, opts: { jobId } })),
  );
  const worker: PausingWorker<unknown, void> = createQueueWorker(
    options,
    QUEUE,
    1,
    async (job, slot) => {
      if (job.id === 'second') return;
      const lock = queue.toKey('first:lock');
      const withoutLock = async (step: () => Promise<void>) => {
        await redis.rename(lock, `${lock}-away`);
        await step();
        await redis.rename(`${lock}-away`, lock);
      };
      await first({ worker, job, slot, states, withoutLock });
    },
    { clock: { now: Date.now } },
  );
  void worker.start();
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  const secondEnds = async () => {
    await waitUntil('the end of the second', async () => (await states())[1] === 'completed');
    // Nobody had it without running it.
    expect((await queue.getJob('second'))?.stalledCounter).toBe(0);
  };
  return { states, secondEnds };
}

it('a worker has the next job in the moment in which one is moved to sleep, and runs it', async () => {
  let meanwhile: string[] = [];
  const { secondEnds } = await twoJobs(async ({ slot, states }) => {
    await slot.moveToDelayed(LONG_MS);
    meanwhile = await states();
    throw new DelayedError();
  });
  await secondEnds();
  expect(meanwhile).toEqual(['delayed', 'active']);
});

it('a job whose end Redis refuses does not fail, and is left to its next run', async () => {
  const { states, secondEnds } = await twoJobs(async ({ job }) => {
    job.moveToCompleted = async () => {
      throw Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' });
    };
  });
  await secondEnds();
  expect((await states())[0]).toBe('active');
});

it('a worker keeps a job that has no children to wait for, and the next one waits', async () => {
  let meanwhile: string[] = [];
  const { secondEnds } = await twoJobs(async ({ job, slot, states }) => {
    expect(await job.moveToWaitingChildren(slot.token)).toBe(false);
    meanwhile = await states();
  });
  await secondEnds();
  expect(meanwhile).toEqual(['active', 'waiting']);
});

it.each(['before', 'after'])(
  'a worker leaves no job active when it closes %s a move',
  async (when) => {
    let closed: Promise<void> | undefined;
    const { states } = await twoJobs(async ({ slot, worker }) => {
      if (when === 'before') closed = worker.close();
      await slot.moveToDelayed(LONG_MS);
      if (when === 'after') closed = worker.close();
      throw new DelayedError();
    });
    await waitUntil('the end of the worker', () => closed?.then(() => true));
    expect(await states()).toEqual(['delayed', 'waiting']);
  },
);

it('a worker runs the next job when the lock of one was lost', async () => {
  const { secondEnds } = await twoJobs(async ({ slot, withoutLock }) => {
    await withoutLock(() => expect(slot.moveToDelayed(LONG_MS)).rejects.toThrow(/lock/i));
    throw new DelayedError();
  });
  await secondEnds();
});

it('a worker runs the next job when the move of one fails at first', async () => {
  const { secondEnds } = await twoJobs(async ({ slot, withoutLock }) => {
    await withoutLock(() => expect(slot.moveToDelayed(LONG_MS)).rejects.toThrow(/lock/i));
    await slot.moveToDelayed(LONG_MS);
    throw new DelayedError();
  });
  await secondEnds();
});

/** A queue and its worker, both gone at the end of the test. */
function startOn(
  concurrency: number,
  run: (id: string, signal: AbortSignal, slot: Slot) => Promise<void>,
  clock: Clock = { now: Date.now },
) {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), createLogger('silent'));
  const options = { connection: redis, prefix };
  const queue = new Queue(QUEUE, options);
  const worker: PausingWorker<unknown, void> = createQueueWorker(
    options,
    QUEUE,
    concurrency,
    ({ id = '' }, slot) => run(id, slot.signal, slot),
    { clock },
  );
  worker.on('error', () => {});
  void worker.start();
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  return { redis, queue, lockOf: (id: string) => `${prefix}:${QUEUE}:${id}:lock` };
}

it('a worker tells a job that its lock was lost, and not the next one', async () => {
  let reason: unknown;
  let secondAborted: boolean | undefined;
  const { redis, queue, lockOf } = startOn(1, async (id, signal) => {
    if (id === 'second') {
      secondAborted = signal.aborted;
      return;
    }
    await redis.set(lockOf(id), 'another');
    await once(signal, 'abort');
    reason = signal.reason;
    throw new DelayedError();
  });
  for (const jobId of ['first', 'second']) await queue.add('job', {}, { jobId });
  await waitUntil('the second job', () => secondAborted !== undefined);
  expect(secondAborted).toBe(false);
  expect(reason).toBeInstanceOf(LockLostError);
});

it('a worker lets the requests of several jobs listen to one signal without a warning', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const { queue } = startOn(1, async (_id, signal) => {
    for (let n = 0; n < 100; n += 1) signal.addEventListener('abort', () => {});
  });
  await queue.add('job', {});
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
  expect(warnings).toEqual([]);
});

it.each([
  ['ahead of', -600_000],
  ['behind', 600_000],
])(
  'a worker on a host whose clock is %s that of Redis wakes jobs in time, and asks rarely meanwhile',
  async (_, redisAheadMs) => {
    const { fetches } = watchFetches();
    const SLEEP_MS = 1500;
    const runs = new Map<string, number[]>();
    const clock = { now: () => Date.now() + redisAheadMs };
    const sleepOnce = async (id: string, _signal: AbortSignal, slot: Slot) => {
      const times = [...(runs.get(id) ?? []), Date.now()];
      runs.set(id, times);
      if (times.length > 1) return;
      await slot.moveToDelayed(SLEEP_MS);
      throw new DelayedError();
    };
    const { queue } = startOn(1, sleepOnce, clock);
    // The one whose end fetches nothing is told when the next one is due.
    for (const jobId of ['first', 'second']) await queue.add('job', {}, { jobId });
    await waitUntil('the ends of the jobs', async () => (await queue.getCompletedCount()) === 2);
    for (const [began = 0, woke = 0] of runs.values()) {
      expect(woke - began).toBeGreaterThanOrEqual(SLEEP_MS - 100);
      expect(woke - began).toBeLessThan(SLEEP_MS + 3000);
    }
    const job = await queue.getJob('first');
    expect(Math.abs((job?.finishedOn ?? 0) - clock.now())).toBeLessThan(60_000);
    expect(Math.abs((job?.processedOn ?? 0) - clock.now())).toBeLessThan(60_000);
    expect(fetches()).toBeLessThan(20);
  },
);
