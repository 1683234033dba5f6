/** Measures what `enqueueMany` takes over a bare `addBulk` of the same data. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../../src/client/client.js';
import { BATCHES_QUEUE } from '../../../src/jobs/queues.js';
import { request } from '../work.js';

const BATCHES = 20_000;
/** Batches of each before they are timed. */
const WARM_UP = 500;
const PREFIX = '{bench}';

export interface Adding {
  bareMs: number;
  enqueueManyMs: number;
}

export async function measureAdding(): Promise<Adding> {
  const server = await startPrivateRedis();
  const connection = new Redis(server.url, { maxRetriesPerRequest: null });
  const queue = (name: string) => new Queue(name, { connection, prefix: PREFIX });
  const [bare, batches] = [queue('bare'), queue(BATCHES_QUEUE)];
  const client = createAtlasBatchClient({ redisUrl: server.url, prefix: PREFIX });
  try {
    const data = Array.from({ length: WARM_UP + BATCHES }, (_, i) => request(`b${i}`));
    const jobs = data.map((one) => ({ name: 'batch', data: one, opts: { jobId: one.reference } }));
    await bare.addBulk(jobs.slice(0, WARM_UP));
    await client.enqueueMany(data.slice(0, WARM_UP));
    const bareMs = await msOf(() => bare.addBulk(jobs.slice(WARM_UP)));
    const enqueueManyMs = await msOf(() => client.enqueueMany(data.slice(WARM_UP)));
    const [added, wanted] = [await batches.getWaitingCount(), await bare.getWaitingCount()];
    if (added !== wanted) throw new Error(`${added} batches were added, not ${wanted}`);
    return { bareMs, enqueueManyMs };
  } finally {
    await Promise.all([client.close(), bare.close(), batches.close()]);
    connection.disconnect();
    await server.stop();
  }
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
