import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { createLogger } from '../../../src/logging.js';
import { MIN_PAUSE_MS } from '../../../src/redis/pausing-worker.js';
import { connectRedis } from '../../../src/redis/worker-connection.js';
import { createQueueWorker } from '../../../src/workers/runtime/queue-worker.js';
import { connectionTo } from '../../helpers/redis.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { watchFetches } from '../../helpers/watch-fetches.js';

const QUEUE = 'jobs';
/** Smaller than what any Redis takes, so that every write is refused. */
const FULL = '1000000';

/** A worker, made but not started, of a queue with one job; `limit` is what the server is set to. */
async function createWorker(...limit: [name: string, value: string]) {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  const redis = connectRedis(connectionTo(server.url), createLogger('silent'));
  const options = { connection: redis, prefix: '{t}' };
  const queue = new Queue(QUEUE, options);
  await queue.add('job', {});
  await admin.config('SET', ...limit);
  const errors: Error[] = [];
  const worker = createQueueWorker(options, QUEUE, 10, async () => {}, {
    clock: { now: Date.now },
  });
  worker.on('error', (error) => void errors.push(error));
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
  });
  return { admin, queue, worker, errors, redis };
}

it('a worker pauses when Redis refuses the fetch of a job, and goes on when it does not', async () => {
  const { admin, queue, worker, errors } = await createWorker('maxmemory', FULL);
  const { fetches, pauses } = watchFetches();
  void worker.start();
  await waitUntil('the second pause', () => pauses().length === 2);
  expect(pauses()).toEqual([MIN_PAUSE_MS, 2 * MIN_PAUSE_MS]);
  expect(fetches()).toBe(2);
  expect(errors.map(({ message }) => message.slice(0, 3))).toContain('OOM');
  await admin.config('SET', 'maxmemory', '0');
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
});

it('a worker whose Redis is on its way to another server does not count that as a refused fetch', async () => {
  const { admin, queue, worker, errors, redis } = await createWorker('maxmemory', '0');
  redis.resendForMs = Number.POSITIVE_INFINITY;
  await admin.replicaof('127.0.0.1', '1');
  void worker.start();
  await waitUntil('a refusal', () => errors.some(({ message }) => message.includes('READONLY')));
  expect(worker.refusedFetch).toBeNull();
  await admin.replicaof('NO', 'ONE');
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
});

it('a worker that closes ends the pause after a refused fetch', async () => {
  const { worker } = await createWorker('maxmemory', FULL);
  void worker.start();
  await once(worker, 'error');
  const paused = delay(MIN_PAUSE_MS, 'the pause is over');
  expect(await Promise.race([worker.close(), paused])).toBeUndefined();
});

it('a worker takes no job before both its connections are usable', async () => {
  // The connections of the test and of the queue are all that the server takes now.
  const { admin, queue, worker } = await createWorker('maxclients', '2');
  const refused = once(worker, 'error');
  void worker.start();
  await refused;
  expect(await queue.getWaitingCount()).toBe(1);
  await admin.config('SET', 'maxclients', '100');
  await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
});
