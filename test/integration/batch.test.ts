import { expect, it, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { documentsSentKey } from '../../src/jobs/keys/gate-keys.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** What the results objects of a batch hold, each extract as the raw text that S3 has. */
async function storedText(system: System, uri: string): Promise<string> {
  const key = uri.replace('s3://results/', '');
  const stored = system.s3.get('results', key);
  if (!stored) throw new Error(`${uri} is not there`);
  return Buffer.from(stored.body).toString('utf8');
}

/** Every extract that Atlas holds of these Atlas batches is in the results, in order. */
async function expectStored(system: System, batchIds: string[], results: string[]): Promise<void> {
  for (const [i, batchId] of batchIds.entries()) {
    const text = await storedText(system, results[i] ?? '');
    const parsed = JSON.parse(text);
    const truth = system.atlas.truth(batchId);
    expect(parsed.documents.map((d: { documentId: string }) => d.documentId)).toEqual(
      truth.map(({ documentId }) => documentId),
    );
    for (const [j, { extracts }] of truth.entries()) {
      expect(parsed.documents[j].extracts).toEqual(extracts.map((raw) => JSON.parse(raw)));
      // Line breaks between tokens become spaces: each extract stands on a line of its own.
      for (const raw of extracts) expect(text).toContain(raw.replace(/[\r\n]/g, ' '));
    }
    expect(parsed).toMatchObject({ batchId, productType: 'LOAN_APP', missing: [], unexpected: [] });
  }
}

it('a worker process carries batches of plain BullMQ producers to their events', async () => {
  const system = await startSystem();
  await system.startWorkerProcess();
  const requests = await Promise.all([
    system.submit('loan-1', 5),
    system.submit('loan-2', 5),
    system.submit('8841', 5),
    system.submit('loan-large', 230),
  ]);
  for (const { reference, documents } of requests) {
    const { name, data } = await system.event(`done-${reference}`);
    expect(name).toBe('batch.completed');
    const uploads = Math.ceil(documents.length / 100);
    expect(data).toEqual({
      eventId: expect.stringMatching(`^done-${reference}@`),
      reference,
      status: 'completed',
      productType: 'LOAN_APP',
      batchIds: data.batchIds,
      documents: {
        total: documents.length,
        sent: documents.length,
        present: documents.length,
        missing: [],
      },
      results: data.batchIds.map((id) => `s3://results/${reference}/${id}.json`),
      submittedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      completedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      polls: expect.any(Number),
    });
    expect(data.batchIds).toHaveLength(uploads);
    await expectStored(system, data.batchIds, data.results);
    const job = await waitUntil('the finished job', async () => {
      const found = await system.batches.getJob(`batch-${reference}`);
      return found?.finishedOn === undefined ? null : found;
    });
    expect(job.returnvalue).toEqual(data);
    expect(job.data).toEqual(requests.find((request) => request.reference === reference));
  }
  expect([...system.atlas.batches()]).toHaveLength(3 + 3);
});

it('results keep numbers that JSON.parse would lose', async () => {
  const system = await startSystem({ atlas: { extractsPerDocument: () => 2 } });
  await system.startWorker();
  await system.submit('numbers', 6);
  const { data } = await system.event('done-numbers');
  const text = await storedText(system, data.results[0] ?? '');
  expect(text).toMatch(/\d{20}/);
  expect(text).toContain('1.10');
  await expectStored(system, data.batchIds, data.results);
});

it('the same reference twice is one batch', async () => {
  const system = await startSystem();
  await system.startWorker();
  const request = await system.submit('twice', 3);
  await system.add(request);
  await system.event('done-twice');
  await system.add(request);
  await system.submit('after', 1);
  await system.event('done-after');
  expect([...system.atlas.batches()]).toHaveLength(2);
  expect(await system.completions.getJob('done-twice~2')).toBeUndefined();
});

it('a batch sends documents that never come again, and ends incomplete with the rest', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === '002' },
    environment: { BATCH_DEADLINE_MS: '3000' },
  });
  const { metrics } = await system.startWorker();
  await system.submit('gap', 4);
  const { name, data } = await system.event('done-gap');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    status: 'failed',
    reason: { code: 'INCOMPLETE', message: '1 of 4 documents never came: 002' },
    documents: { total: 4, sent: 5, present: 3, missing: ['002'] },
  });
  const uploads = [...system.atlas.batches()].map(({ documentIds }) => documentIds);
  expect(uploads).toEqual([['001', '002', '003', '004'], ['002']]);
  expect(data.results).toHaveLength(2);
  expect(await system.redis.hvals(documentsSentKey(system.prefix))).toEqual(['5']);
  const counted = await metrics.registry.metrics();
  expect(counted).toContain('atlas_batch_documents_sent_total{reason="first"} 4');
  expect(counted).toContain('atlas_batch_documents_sent_total{reason="missing"} 1');
});

it('documents that are sent again count by the reason, each time, and of 401 days the first is forgotten', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === '002' },
    environment: { BATCH_DEADLINE_MS: '3000', RESUBMIT_MISSING: '0' },
  });
  const days = Array.from({ length: 400 }, (_, i) =>
    new Date(Date.UTC(2025, 0, 1 + i)).toISOString().slice(0, 10),
  );
  const sentKey = documentsSentKey(system.prefix);
  await system.redis.hset(sentKey, Object.fromEntries(days.map((day) => [day, '7'])));
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'reset-before', times: 1 }] });
  const { metrics } = await system.startWorker();
  await system.submit('unknown', 3);
  await system.event('done-unknown');
  await waitUntil('its end', async () => (await system.batches.getFailedCount()) === 1);
  await (await system.batches.getJob('batch-unknown'))?.retry('failed');
  expect((await system.event('done-unknown~2')).data.documents.sent).toBe(7);
  const counted = await metrics.registry.metrics();
  expect(counted).toContain('atlas_batch_documents_sent_total{reason="first"} 3');
  expect(counted).toContain('atlas_batch_documents_sent_total{reason="unknown"} 3');
  expect(counted).toContain('atlas_batch_documents_sent_total{reason="retry"} 1');
  const kept = await system.redis.hkeys(sentKey);
  expect(kept).toHaveLength(400);
  expect(kept).not.toContain(days[0]);
  expect(kept).toContain(days[1]);
});

it('a handler that deduplicates by eventId misses no batch when a reference is used again', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = createAtlasBatchClient({ connection: system.redis, prefix: system.prefix });
  onTestFinished(() => client.close());
  const handled = new Map<string, string>();
  client.onCompletion(({ batchIds }, { eventId }) => {
    if (!handled.has(eventId)) handled.set(eventId, String(batchIds));
  });
  for (const runs of [1, 2]) {
    await system.submit('again', 1, `run-${runs}-`);
    await waitUntil('the event', () => handled.size === runs);
    // What retention does in time: job and event are gone, and so is all that knows the reference.
    await waitUntil('the end of both', async () => {
      const jobs = [system.batches.getJob('batch-again'), system.completions.getJob('done-again')];
      const ended = await Promise.all(jobs);
      return ended.every((job) => job?.finishedOn !== undefined) ? ended : null;
    }).then((ended) => Promise.all(ended.map((job) => job?.remove())));
  }
  expect(new Set(handled.values()).size).toBe(2);
});
