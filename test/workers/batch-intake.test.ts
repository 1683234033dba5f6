import { Queue, Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { startedKey } from '../../src/jobs/keys/redis-keys.js';
import { createLogger } from '../../src/logging.js';
import { connectRedis } from '../../src/redis/worker-connection.js';
import { BatchIntake } from '../../src/workers/batch-intake.js';
import { connectionTo, testRedis } from '../helpers/redis.js';

/** Of its back-off: what a batch must not wait for again. */
const BACKOFF_MS = 600_000;
const TOKEN = 'token';

it('a batch that is brought to its end does not sleep again when its polls have ended', async () => {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), createLogger('silent'));
  const options = { connection: redis, prefix };
  const batches = new Queue('atlas-batches', options);
  const polls = new Queue('atlas-polls', options);
  const worker = new Worker('atlas-batches', null, options);
  const poller = new Worker('atlas-polls', null, options);
  onTestFinished(async () => {
    await Promise.all([worker, poller, batches, polls].map((one) => one.close()));
    redis.disconnect();
  });
  const { id = '' } = await batches.add('batch', {}, { jobId: 'batch-x', delay: BACKOFF_MS });
  await redis.zadd(startedKey(prefix), 0, id);

  const intake = new BatchIntake({
    writes: { isClosed: () => false, mayFetch: async () => true, opened: async () => {} },
    atlas: { whyShut: { code: 'ATLAS_AUTH', message: 'refused' } },
    gate: { othersCanSend: true },
    ownFaults: { holdIntake: false },
    redis,
    batches,
    clock: { now: () => Date.now() } as never,
    config: { QUEUE_PREFIX: prefix, BATCH_DEADLINE_MS: 1 },
  });
  expect(await intake.mayFetch()).toBe(true);
  const batch = await worker.getNextJob(TOKEN, { block: false });
  expect(batch?.id).toBe(id);
  await polls.add('poll', {}, { parent: { id, queue: batches.qualifiedName } });
  expect(await batch?.moveToWaitingChildren(TOKEN)).toBe(true);
  const poll = await poller.getNextJob(TOKEN, { block: false });
  await poll?.moveToCompleted({}, TOKEN, false);
  expect(await batch?.getState()).toBe('waiting');
});
