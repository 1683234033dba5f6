import { type Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { cancelKey, wakeKey } from '../../../src/jobs/keys/redis-keys.js';
import { createGatheredLines } from '../../../src/logging/gathered-lines.js';
import { createLogger } from '../../../src/logging.js';
import type { PausingWorker } from '../../../src/redis/pausing-worker.js';
import { connectRedis } from '../../../src/redis/worker-connection.js';
import type { WorkerContext } from '../../../src/workers/context.js';
import { createQueueWorker } from '../../../src/workers/runtime/queue-worker.js';
import {
  createProcessor,
  type StepEntry,
  type StepResult,
  StoppingError,
} from '../../../src/workers/runtime/run-step.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';
import { waitUntil } from '../../helpers/wait-until.js';

const LONG_MS = 3_600_000;

interface State {
  v: 1;
  steps: number;
}

type Run = StepEntry<unknown, State>;

/** Where a job is. */
interface Place {
  queue: Queue;
  redis: Redis;
  prefix: string;
}

/** A worker of one queue with one job, `one`; the n-th step of the job is the n-th of these. */
async function runSteps(...steps: ((run: Run, at: Place) => Promise<StepResult<string>>)[]) {
  const { url, prefix } = testRedis();
  const logger = createLogger('silent');
  const redis = connectRedis(connectionTo(url), logger);
  const options = { connection: redis, prefix };
  const queue = new Queue('jobs', options);
  const config = { QUEUE_PREFIX: prefix } as WorkerContext['config'];
  const remaining = [...steps];
  const processor = createProcessor<unknown, State, string>(
    { redis, config, clock: { now: Date.now }, lines: createGatheredLines(logger) },
    {
      queueName: 'jobs',
      newState: () => ({ v: 1, steps: 0 }),
      digest: (state) => state,
      async step(run) {
        run.state = { v: 1, steps: run.state.steps + 1 };
        await run.lease.save(run.state);
        const step = remaining.shift();
        if (!step) throw new Error('one step too many');
        return step(run, { queue, redis, prefix });
      },
    },
  );
  const worker: PausingWorker<unknown, string> = createQueueWorker(options, 'jobs', 1, processor, {
    clock: { now: Date.now },
  });
  void worker.start();
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  await queue.add('job', {}, { jobId: 'one' });
  const ends = (state: string) =>
    waitUntil(`a job that is ${state}`, async () => (await queue.getJobState('one')) === state);
  return { queue, redis, ends };
}

const finish = async (): Promise<StepResult<string>> => ({ kind: 'finished', value: 'done' });

it('a job completes with the value of a step that is finished', async () => {
  const { queue, ends } = await runSteps(finish);
  await ends('completed');
  expect((await queue.getJob('one'))?.returnvalue).toBe('done');
});

it('a job fails with the message of a step that failed', async () => {
  const { queue, ends } = await runSteps(async () => ({ kind: 'failed', message: 'no more' }));
  await ends('failed');
  expect((await queue.getJob('one'))?.failedReason).toBe('no more');
});

it('a job sleeps that nobody wanted meanwhile', async () => {
  const { ends } = await runSteps(async () => ({
    kind: 'sleep',
    delayMs: LONG_MS,
    afterwards: async () => false,
  }));
  await ends('delayed');
});

it('a job that somebody wanted while it was busy is woken at once', async () => {
  let stateAfterwards: unknown;
  const { queue, ends } = await runSteps(
    async ({ job }) => ({
      kind: 'sleep',
      delayMs: LONG_MS,
      async afterwards() {
        stateAfterwards = await job.getState();
        return true;
      },
    }),
    finish,
  );
  await ends('completed');
  expect(stateAfterwards).toBe('delayed');
  expect((await queue.getJob('one'))?.progress).toEqual({ v: 1, steps: 2 });
});

it('a job that is saved in its move sleeps with its state and its line, and nobody asks for it', async () => {
  const { queue, ends } = await runSteps(async (run) => {
    run.state = { v: 1, steps: 7 };
    const read = [cancelKey('nobody', 'r')];
    return {
      ...{ kind: 'save-and-sleep', delayMs: LONG_MS, line: 'poll 1', read },
      isWanted: (values) => values.join() !== '',
    };
  });
  await ends('delayed');
  const job: Job | undefined = await queue.getJob('one');
  expect(job?.progress).toEqual({ v: 1, steps: 7 });
  expect((await queue.getJobLogs('one')).logs).toEqual([expect.stringMatching(/Z poll 1$/)]);
  expect(job?.attemptsMade).toBe(0);
});

it('a job that a flag wants while it is busy is woken by the move that saves it', async () => {
  const { queue, ends } = await runSteps(async (_run, { redis, prefix }) => {
    const key = cancelKey(prefix, 'r');
    await redis.set(key, 'now');
    return {
      ...{ kind: 'save-and-sleep', delayMs: LONG_MS, line: '', read: [key] },
      isWanted: ([flag]) => flag === 'now',
    };
  }, finish);
  await ends('completed');
  expect((await queue.getJob('one'))?.progress).toEqual({ v: 1, steps: 2 });
});

it('a job that the move of another fetches comes with the flags of its batch', async () => {
  const flags: unknown[] = [];
  const { queue, ends } = await runSteps(
    async ({ flags: own }, { queue, redis, prefix }) => {
      flags.push(own);
      await redis.set(wakeKey(prefix, 'r-2.a'), '17');
      const data = { v: 1, reference: 'r-2.a', productType: '"reference":"x"' };
      await queue.add('job', data, { jobId: 'two' });
      const move = { kind: 'save-and-sleep', delayMs: 0, line: '', read: [] } as const;
      return { ...move, isWanted: () => false };
    },
    async ({ flags: fetched }) => {
      flags.push(fetched);
      return finish();
    },
    finish,
  );
  await ends('completed');
  expect(await queue.getJobState('two')).toBe('completed');
  expect(flags).toEqual([null, [null, '17', null]]);
});

/** Ends a job with its last save, which counts in a key of its own. */
function saveAndFinish(queue: Queue, told: string[] = []): StepResult<string> {
  const also = [{ lua: "redis.call('INCR', KEYS[1])", keys: [queue.toKey('count')], args: [] }];
  const afterwards = () => void told.push('afterwards');
  const end = { kind: 'save-and-finish', value: 'done', keepSeconds: 3600 } as const;
  return { ...end, line: 'the end', also, afterwards };
}

it('a job that is saved in its last move completes with its value, its state and what belongs to it', async () => {
  const told: string[] = [];
  const { queue, redis, ends } = await runSteps(async (run, at) => {
    run.state = { v: 1, steps: 7 };
    return saveAndFinish(at.queue, told);
  });
  await ends('completed');
  expect(await queue.getJob('one')).toMatchObject({
    ...{ returnvalue: 'done', progress: { v: 1, steps: 7 }, attemptsMade: 1 },
    finishedOn: expect.any(Number),
  });
  expect((await queue.getJobLogs('one')).logs).toEqual([expect.stringMatching(/Z the end$/)]);
  expect(await redis.get(queue.toKey('count'))).toBe('1');
  await waitUntil('what comes afterwards', async () => told.length > 0);
  expect(told).toEqual(['afterwards']);
});

it('a job that a completed one fetches comes with the flags of its batch', async () => {
  const flags: unknown[] = [];
  const { queue, ends } = await runSteps(
    async (_run, { queue, redis, prefix }) => {
      await redis.set(wakeKey(prefix, 'r-2.a'), '17');
      await queue.add('job', { v: 1, reference: 'r-2.a' }, { jobId: 'two' });
      return saveAndFinish(queue);
    },
    async ({ flags: own }, { queue }) => {
      flags.push(own);
      return saveAndFinish(queue);
    },
  );
  await ends('completed');
  await waitUntil('the end of both', async () => (await queue.getCompletedCount()) === 2);
  expect(flags).toEqual([[null, '17', null]]);
});

it('a job that comes when the last one is completed is taken at once', async () => {
  const { queue, ends } = await runSteps(async (_run, at) => saveAndFinish(at.queue), finish);
  await ends('completed');
  await queue.add('job', {}, { jobId: 'two' });
  await waitUntil('the end of both', async () => (await queue.getCompletedCount()) === 2);
});

it('a job whose lock is lost is not completed, and nothing else is done', async () => {
  const told: string[] = [];
  const { queue, redis, ends } = await runSteps(async (run, { queue, redis }) => {
    await redis.set(queue.toKey('one:lock'), 'another');
    run.state = { v: 1, steps: 7 };
    return saveAndFinish(queue, told);
  });
  await ends('active');
  expect((await queue.getJob('one'))?.progress).toEqual({ v: 1, steps: 1 });
  expect(await redis.get(queue.toKey('count'))).toBeNull();
  expect(told).toEqual([]);
});

it('a job whose lock is lost is neither saved nor moved by its worker', async () => {
  const { queue, ends } = await runSteps(async (run, { queue, redis }) => {
    await redis.set(queue.toKey('one:lock'), 'another');
    run.state = { v: 1, steps: 7 };
    const move = { kind: 'save-and-sleep', delayMs: LONG_MS, line: '', read: [] } as const;
    return { ...move, isWanted: () => false };
  });
  await ends('active');
  expect((await queue.getJob('one'))?.progress).toEqual({ v: 1, steps: 1 });
});

it('a step is called again with the same state when no child is pending', async () => {
  const entries: [boolean, number][] = [];
  const { queue, ends } = await runSteps(
    async ({ childrenDone, state }) => {
      entries.push([childrenDone, state.steps]);
      return { kind: 'wait-for-children', added: [] };
    },
    async ({ childrenDone, state }) => {
      entries.push([childrenDone, state.steps]);
      return finish();
    },
  );
  await ends('completed');
  expect(entries).toEqual([
    [false, 1],
    [true, 2],
  ]);
  expect((await queue.getJob('one'))?.stalledCounter).toBe(0);
});

it('a job waits for a child that is being added, with what it reads in its move, and the next job is taken', async () => {
  const read: unknown[] = [];
  const { queue, ends } = await runSteps(async ({ job }, { queue, redis, prefix }) => {
    await queue.add('job', {}, { jobId: 'two' });
    const keys = [cancelKey(prefix, 'r'), wakeKey(prefix, 'r')];
    await redis.set(keys[1] ?? '', '17');
    const parent = { id: job.id ?? '', queue: queue.qualifiedName };
    const child = new Queue('children', { connection: redis, prefix });
    const added = child.add('child', {}, { jobId: 'child', parent, delay: LONG_MS });
    return {
      ...{ kind: 'wait-for-children', added: [added.then(() => {})], keys: { read: keys } },
      async afterwards(values) {
        read.push(values, await job.getState());
      },
    };
  }, finish);
  await ends('waiting-children');
  await waitUntil('the end of the other', async () => (await queue.getCompletedCount()) === 1);
  expect(read).toEqual([[null, '17'], 'waiting-children']);
  expect(await queue.getJobState('two')).toBe('completed');
});

it("a job waits with ten thousand keys that are its own or nobody's, and not with one that is another's", async () => {
  const keysOf = (prefix: string) => Array.from({ length: 10_000 }, (_, i) => `${prefix}:own-${i}`);
  const waiting = (owned: string[]) => {
    const keys = { read: [], owned, owner: 'me' };
    return { kind: 'wait-for-children', added: [], keys } as const;
  };
  const { queue, redis, ends } = await runSteps(
    async ({ job }, { queue, redis, prefix }) => {
      const parent = { id: job.id ?? '', queue: queue.qualifiedName };
      const child = new Queue('children', { connection: redis, prefix });
      await child.add('child', {}, { jobId: 'child', parent, delay: LONG_MS });
      await redis.set(`${prefix}:own-1`, 'me');
      await redis.set(`${prefix}:own-9999`, 'you');
      return waiting(keysOf(prefix));
    },
    async (_run, { redis, prefix }) => {
      await redis.set(`${prefix}:called-again`, '1');
      await redis.del(`${prefix}:own-9999`);
      return waiting(keysOf(prefix));
    },
  );
  await ends('waiting-children');
  expect(await redis.exists(`${queue.opts.prefix}:called-again`)).toBe(1);
});

it('a job whose lock is lost does not wait for children', async () => {
  const { queue, ends } = await runSteps(async ({ job }, { queue, redis, prefix }) => {
    const parent = { id: job.id ?? '', queue: queue.qualifiedName };
    const child = new Queue('children', { connection: redis, prefix });
    await child.add('child', {}, { jobId: 'child', parent, delay: LONG_MS });
    await redis.set(queue.toKey('one:lock'), 'another');
    return { kind: 'wait-for-children', added: [] };
  });
  await ends('active');
  expect(await queue.getWaitingChildrenCount()).toBe(0);
});

it('a job is given back when the worker stops, for the next to go on with', async () => {
  const { queue, ends } = await runSteps(async () => {
    throw new StoppingError();
  }, finish);
  await ends('completed');
  const job = await queue.getJob('one');
  expect(job?.progress).toEqual({ v: 1, steps: 2 });
  expect(job?.stalledCounter).toBe(0);
});

it('a job is left to the next worker when a step throws, and does not fail', async () => {
  const { queue, ends } = await runSteps(async () => {
    throw new Error('nobody foresaw this');
  }, finish);
  await ends('completed');
  expect(await queue.getJob('one')).toMatchObject({ stalledCounter: 1, attemptsMade: 1 });
});
