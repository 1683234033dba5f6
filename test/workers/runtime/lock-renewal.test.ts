import { EventEmitter, once } from 'node:events';
import { DelayedError, Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { LOCK_DURATION_MS } from '../../../src/jobs/queues.js';
import { createLogger } from '../../../src/logging.js';
import type { PausingWorker } from '../../../src/redis/pausing-worker.js';
import { connectRedis } from '../../../src/redis/worker-connection.js';
import { createQueueWorker } from '../../../src/workers/runtime/queue-worker.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';
import { waitUntil } from '../../helpers/wait-until.js';

const LONG_MS = 3_600_000;

it('a worker renews the lock of a job that runs again before its first run has ended', async () => {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), createLogger('silent'));
  const options = { connection: redis, prefix };
  const queue = new Queue('jobs', options);
  const told = new EventEmitter();
  const [secondBegan, mayEnd] = [once(told, 'second began'), once(told, 'may end')];
  let runs = 0;
  const errors: Error[] = [];
  const worker: PausingWorker<unknown, void> = createQueueWorker(
    options,
    'jobs',
    2,
    async (job, { token }) => {
      runs += 1;
      if (runs > 1) {
        told.emit('second began');
        await mayEnd;
        return;
      }
      await job.moveToDelayed(Date.now() + LONG_MS, token);
      await job.promote();
      await secondBegan;
      throw new DelayedError();
    },
    { clock: { now: Date.now } },
  );
  worker.on('error', (error) => void errors.push(error));
  void worker.start();
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  await queue.add('job', {}, { jobId: 'one' });
  await secondBegan;
  const began = performance.now();
  await waitUntil('longer than a lock lasts', async () => {
    expect(await redis.exists(`${prefix}:jobs:one:lock`)).toBe(1);
    return performance.now() - began > LOCK_DURATION_MS + 1000;
  });
  told.emit('may end');
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
  expect(runs).toBe(2);
  expect(errors).toEqual([]);
});
