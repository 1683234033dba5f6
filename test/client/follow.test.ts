import { expect, test, vi } from 'vitest';
import { BatchRunningError } from '../../src/client/client-errors.js';
import { UnknownReferenceError } from '../../src/errors.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { batchOf, clientOf, startClient } from './test-client.js';

vi.setConfig({ testTimeout: 60_000 });

/** Longer than any test: whoever wants to know sooner must wake somebody. */
const NEVER_MS = '600000';

test('results are what Atlas sent, letter by letter, in the order of the job', async () => {
  const system = await startSystem();
  await system.startWorker({ ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '30', ATLAS_EXTRACTS_PER_PAGE: '20' });
  const client = clientOf(system);
  await system.submit('loan-1', 70);
  const summary = await client.wait('loan-1');
  expect(summary.batchIds).toHaveLength(3);
  const truth = summary.batchIds.flatMap((batchId) => system.atlas.truth(batchId));
  const read: { documentId: string; extracts: readonly string[] }[] = [];
  for await (const { documentId, raw } of client.results('loan-1')) {
    read.push({ documentId, extracts: raw });
  }
  const oneLine = (text: string) => text.replaceAll('\n', ' ');
  expect(read).toEqual(
    truth.map(({ documentId, extracts }) => ({ documentId, extracts: extracts.map(oneLine) })),
  );
  expect(read.some(({ extracts }) => extracts.length > 1)).toBe(true);
});

test('a document that came with a later round stands in its place of the results', async () => {
  const system = await startSystem({
    // Lost in the company of others, found when it is sent alone.
    atlas: { neverArrives: (documentId, { total }) => documentId === '002' && total > 1 },
  });
  await system.startWorker({ BATCH_DEADLINE_MS: '8000' });
  const client = clientOf(system);
  await system.submit('again', 4);
  const summary = await client.wait('again');
  expect([summary.status, summary.results.length]).toEqual(['completed', 2]);
  const ids: string[] = [];
  for await (const { documentId } of client.results('again')) ids.push(documentId);
  expect(ids).toEqual(['001', '002', '003', '004']);
});

test('metadata of the producer is in the summary of wait and of status as in the event, and not in the job a second time', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  const metadata = { loan: '8841' };
  for (const reference of ['completed', 'cancelled']) {
    await client.enqueue({ ...(await system.request(reference, 1)), metadata });
    if (reference === 'cancelled') await client.cancel(reference);
    expect(await client.wait(reference)).toMatchObject({ metadata });
    expect((await client.status(reference)).summary).toMatchObject({ metadata });
    expect((await system.event(`done-${reference}`)).data).toEqual(await client.wait(reference));
  }
  expect((await system.batches.getJob('batch-completed'))?.returnvalue).not.toHaveProperty(
    'metadata',
  );
});

test('results of a batch that runs, and of one that nobody knows, are errors with a name', async () => {
  const { client } = startClient();
  await client.enqueue(batchOf('running'));
  await expect(client.results('running').next()).rejects.toBeInstanceOf(BatchRunningError);
  await expect(client.results('never').next()).rejects.toBeInstanceOf(UnknownReferenceError);
  await expect(client.status('never')).rejects.toBeInstanceOf(UnknownReferenceError);
});

test('results are there for whoever handles the event before BullMQ has finished the job', async () => {
  const system = await startSystem();
  const worker = await system.startWorker();
  const client = clientOf(system);
  await system.submit('told', 2);
  await client.wait('told');
  await worker.stop();
  const idsOf = async () => {
    const ids: string[] = [];
    for await (const { documentId } of client.results('told')) ids.push(documentId);
    return ids;
  };
  // As the job is between its event and its end.
  const job = system.batches.toKey('batch-told');
  await system.redis.hdel(job, 'finishedOn', 'returnvalue');
  await system.redis.hset(job, 'atm', 0);
  await expect(idsOf()).resolves.toEqual(['001', '002']);
  expect((await client.status('told')).summary?.status).toBe('completed');
  // As it is after a retry that no worker has taken yet.
  await system.redis.hset(job, 'atm', 1);
  await expect(idsOf()).rejects.toBeInstanceOf(BatchRunningError);
});

test('a signal ends the reading of results between documents, while S3 hangs, and before', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  await system.submit('left', 5);
  await client.wait('left');
  const read: string[] = [];
  const between = new AbortController();
  const reading = (async () => {
    for await (const { documentId } of client.results('left', { signal: between.signal })) {
      read.push(documentId);
      between.abort(new Error('enough'));
    }
  })();
  await expect(reading).rejects.toThrow('enough');
  expect(read).toHaveLength(1);
  system.s3.setFaults({ rules: [{ fault: 'hang' }] });
  const hanging = new AbortController();
  const first = client.results('left', { signal: hanging.signal }).next();
  first.catch(() => {});
  await waitUntil('a request that hangs', () => system.s3.faultsFired().hang === 1);
  hanging.abort(new Error('too slow'));
  await expect(first).rejects.toThrow('too slow');
  const late = client.results('left', { signal: hanging.signal }).next();
  await expect(late).rejects.toThrow('too slow');
  expect(system.s3.faultsFired().hang).toBe(1);
});

test('the status of a batch goes from queued over processing to the summary', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  const client = clientOf(system);
  await system.submit('loan-2', 5);
  expect(await client.status('loan-2')).toEqual({
    reference: 'loan-2',
    state: 'queued',
    productType: 'LOAN_APP',
    tenant: null,
    priority: 'normal',
    documents: { total: 5, sent: 0, present: 0 },
    uploads: [],
    polls: 0,
    nextPollAt: null,
    submittedAt: null,
    line: null,
    deadline: { at: null, leftMs: null, extendedMs: 0, stoodMs: 0 },
    lastError: null,
    summary: null,
  });
  await system.startWorker({ ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '3' });
  const polling = await waitUntil('a poll of both uploads', async () => {
    const status = await client.status('loan-2');
    return status.uploads.length === 2 && status.uploads.every(({ polls }) => polls > 0) && status;
  });
  expect(polling.state).toBe('processing');
  expect(polling.uploads).toEqual(
    [3, 2].map((total) => ({
      state: 'sent',
      round: 1,
      atlasBatchId: expect.stringMatching(/^BATCH-/),
      documents: { total, present: 0 },
      polls: expect.any(Number),
      nextPollAt: expect.stringMatching(/^\d{4}-.*Z$/),
      result: null,
      reason: null,
    })),
  );
  system.atlas.completeNow();
  const summary = await client.wait('loan-2');
  const ended = await client.status('loan-2');
  expect([ended.state, ended.documents, ended.nextPollAt]).toEqual([
    'completed',
    { total: 5, sent: 5, present: 5 },
    null,
  ]);
  expect(ended.summary).toEqual(summary);
  expect(ended.uploads.map(({ result }) => result)).toEqual(['complete', 'complete']);
});

test('the status of a batch names the error that keeps it from being sent', async () => {
  const system = await startSystem();
  system.atlas.setFaults({ rules: [{ fault: 503, endpoint: 'multiupload' }] });
  await system.startWorker();
  const client = clientOf(system);
  await system.submit('stuck', 2);
  const status = await waitUntil('an error', async () => {
    const now = await client.status('stuck');
    return now.lastError && now;
  });
  expect([status.state, status.lastError?.code]).toEqual(['submitting', 'ATLAS_UNAVAILABLE']);
});

test('cancel ends a batch that sleeps between two polls, at once', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker({ POLL_MIN_MS: NEVER_MS, POLL_MAX_MS: NEVER_MS });
  const client = clientOf(system);
  await system.submit('asleep', 3);
  await waitUntil(
    'a sent upload',
    async () => (await client.status('asleep')).state === 'processing',
  );
  expect(await client.cancel('asleep', 'sent by mistake')).toEqual({
    status: 'cancelling',
    reference: 'asleep',
  });
  const summary = await client.wait('asleep');
  expect(summary.reason).toEqual({ code: 'CANCELLED', message: 'sent by mistake' });
  expect((await client.cancel('asleep')).status).toBe('ended');
});

test('cancel reaches a batch that nobody has begun, and says when there is none', async () => {
  const system = await startSystem();
  const client = clientOf(system);
  await system.submit('queued', 2);
  expect((await client.cancel('queued')).status).toBe('cancelling');
  await system.startWorker();
  expect((await client.wait('queued')).reason?.code).toBe('CANCELLED');
  expect(system.atlas.uploads()).toEqual([]);
  expect((await client.cancel('never')).status).toBe('unknown');
});
