// Sends a batch, waits for its end, and prints what was extracted.
//
//   REDIS_URL=redis://127.0.0.1:6379 node examples/enqueue.mjs
import { readFile } from 'node:fs/promises';
import { createAtlasBatchClient } from 'atlas-batch/client';

const atlas = createAtlasBatchClient({
  redisUrl: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  prefix: process.env.QUEUE_PREFIX,
  s3: { forcePathStyle: process.env.S3_FORCE_PATH_STYLE === 'true' },
});
try {
  const manifest = new URL('./manifest.json', import.meta.url);
  const batch = JSON.parse(await readFile(manifest, 'utf8'));
  const { reference, status } = await atlas.enqueue(batch);
  console.log(`${reference}: ${status}`);

  const summary = await atlas.wait(reference, { timeoutMs: 60_000 });
  console.log(`${reference}: ${summary.status}, ${summary.documents.present} documents`);

  for await (const { documentId, extracts } of atlas.results(reference)) {
    for (const extract of extracts) {
      console.log(`${documentId}: ${extract.document_type}`);
    }
  }
} finally {
  await atlas.close();
}
