import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { batchOf, startClient } from './test-client.js';

const BATCHES = 20_000;
const DOCUMENTS = 5;
/** What checking and asking who added each may cost on top; it costs a third. */
const MOST_TIMES_BARE = 10;

test('20,000 batches cost little more than bare addBulk of the same data', async () => {
  // Its own, since other tests would be measured too.
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const { client } = startClient({ url: redis.url, prefix: '{t}' });
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  onTestFinished(() => connection.disconnect());
  const bare = new Queue('bare', { connection, prefix: '{t}' });
  const batches = Array.from({ length: BATCHES }, (_, i) => batchOf(`loan-${i}`, DOCUMENTS));
  const jobs = batches.map((data) => ({
    name: 'batch',
    data,
    opts: { jobId: `batch-${data.reference}` },
  }));
  await bare.addBulk(jobs.slice(0, 500));
  await client.enqueueMany(batches.slice(0, 500));

  const started = performance.now();
  await bare.addBulk(jobs);
  const between = performance.now();
  const results = await client.enqueueMany(batches);
  const ratio = (performance.now() - between) / (between - started);

  expect(results.filter(({ status }) => status === 'added')).toHaveLength(BATCHES - 500);
  const counts = await new Queue('atlas-batches', { connection, prefix: '{t}' }).getJobCounts();
  expect(counts.waiting).toBe(BATCHES);
  expect(ratio).toBeLessThan(MOST_TIMES_BARE);
}, 120_000);
