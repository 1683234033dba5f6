// How an app tests itself: a real worker, with stand-ins for Atlas and S3.
//
//   REDIS_URL=redis://127.0.0.1:6379 node --test examples/with-simulator.test.mjs
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createAtlasBatchClient, createAtlasBatchWorker, field } from 'atlas-batch';
import { startSimulators } from 'atlas-batch/simulator';

const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
// Of its own, so that it meets no other batches.
const prefix = `{app-test-${process.pid}}`;

const simulators = await startSimulators({
  atlas: { completionMs: 200, neverArrives: (documentId) => documentId === 'lost' },
});
// The AWS SDK reads its variables from the process.
Object.assign(process.env, simulators.environment);
const worker = await createAtlasBatchWorker({
  redisUrl,
  queuePrefix: prefix,
  atlasBaseUrl: simulators.atlas.url,
  atlasClientId: simulators.atlas.clientId,
  atlasClientSecret: simulators.atlas.clientSecret,
  resultsBucket: 'results',
  s3ForcePathStyle: true,
  pollMinMs: 50,
  batchDeadlineMs: 2000,
  logLevel: 'silent',
});
const atlas = createAtlasBatchClient({ redisUrl, prefix, s3: { forcePathStyle: true } });

after(async () => {
  await atlas.close();
  await worker.stop();
  await simulators.stop();
});

/** @param {string} documentId */
function scan(documentId) {
  simulators.s3.put('scans', documentId, 'bytes of a scan');
  return { documentId, bucket: 'scans', key: documentId };
}

test('fields of a batch', async () => {
  const { reference } = await atlas.enqueue({
    productType: 'LOAN_APP',
    documents: [scan('1'), scan('2')],
  });
  const summary = await atlas.wait(reference);
  assert.equal(summary.status, 'completed');
  for await (const { extracts } of atlas.results(reference)) {
    for (const extract of extracts) {
      const name = field(extract, 'name') ?? field(extract, 'account_holder');
      assert.equal(typeof name?.value, 'string');
    }
  }
});

test('a document that never comes', async () => {
  const { reference } = await atlas.enqueue({
    productType: 'LOAN_APP',
    documents: [scan('1'), scan('lost')],
  });
  const summary = await atlas.wait(reference);
  assert.equal(summary.reason?.code, 'INCOMPLETE');
  assert.deepEqual(summary.documents.missing, ['lost']);
});
