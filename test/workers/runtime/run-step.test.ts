import { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
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

/** A worker of one queue with one job, `one`; the n-th step of the job is the n-th of these. */
async function runSteps(...steps: ((run: Run) => Promise<StepResult<string>>)[]) {
  const { url, prefix } = testRedis();
  const logger = createLogger('silent');
  const redis = connectRedis(connectionTo(url), logger);
  const options = { connection: redis, prefix };
  const queue = new Queue('jobs', options);
  const config = { QUEUE_PREFIX: prefix } as WorkerContext['config'];
  const remaining = [...steps];
  const processor = createProcessor<unknown, State, string>(
    { redis, config, clock: { now: Date.now }, logger },
    {
      queueName: 'jobs',
      newState: () => ({ v: 1, steps: 0 }),
      digest: (state) => state,
      async step(run) {
        run.state = { v: 1, steps: run.state.steps + 1 };
        await run.lease.save(run.state);
        const step = remaining.shift();
        if (!step) throw new Error('one step too many');
        return step(run);
      },
    },
  );
  const worker: PausingWorker<unknown, string> = createQueueWorker(options, 'jobs', 1, processor);
  void worker.start();
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  await queue.add('job', {}, { jobId: 'one' });
  const ends = (state: string) =>
    waitUntil(`a job that is ${state}`, async () => (await queue.getJobState('one')) === state);
  return { queue, ends };
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
