// The same with BullMQ alone: a job goes in, a completion event comes out.
//
//   REDIS_URL=redis://127.0.0.1:6379 node examples/plain-bullmq.mjs
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const prefix = process.env.QUEUE_PREFIX ?? '{atlas}';
const connection = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
  maxRetriesPerRequest: null,
});
const batch = JSON.parse(await readFile(new URL('./manifest.json', import.meta.url), 'utf8'));

const batches = new Queue('atlas-batches', { connection, prefix });
await batches.add('batch', batch, { jobId: `batch-${batch.reference}` });

// Every consumer of this queue gets a share of the events: run one group of consumers only.
const completions = new Worker(
  'atlas-completions',
  async (job) => {
    const { reference, documents, results } = job.data;
    console.log(`${job.name}: ${reference}, ${documents.present} of ${documents.total} documents`);
    for (const uri of results) console.log(uri);
  },
  // Of its own accord BullMQ fails an event whose consumer died twice: nobody would handle it.
  { connection, prefix, maxStalledCount: 1_000_000 },
);
await once(completions, 'completed');

await completions.close();
await batches.close();
connection.disconnect();
