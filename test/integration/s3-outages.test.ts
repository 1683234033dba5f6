import { Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import type { BatchSummary } from '../../src/jobs/summary.js';
import type { S3FaultRule } from '../../src/simulator/index.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectStoredAsAtlasHasIt,
  readResults,
} from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const WINDOW_MS = LONG ? 20_000 : 4000;
const BATCHES_EACH = LONG ? 50 : 4;

/** Each befalls the documents and the results of its own batches, whose references start so. */
const FAULTS = {
  slow: { fault: 'slow', delayMs: 1500 },
  busy: { fault: 503 },
  broken: { fault: 500 },
  cut: { fault: 'reset-after' },
  'closed-to-head': { fault: 403, endpoint: 'head' },
  'closed-to-put': { fault: 403, endpoint: 'put' },
  'closed-to-get': { fault: 403, endpoint: 'get' },
} as const satisfies Record<string, S3FaultRule>;

it('an outage of S3 drops no result, and no batch completes before its results are stored', {
  timeout: WINDOW_MS + 120_000,
}, async () => {
  const system = await startSystem({
    atlas: { completionMs: ({ random }) => 500 + 1000 * random() },
    environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '3' },
  });
  const completedEarly = watchForMissingResults(system);
  await Promise.all([system.startWorker(), system.startWorker()]);
  const early = await submit(system, 'early');
  // Of every document: a busy machine may have sent one twice, and not all yet.
  const documents = early.reduce((count, request) => count + request.documents.length, 0);
  await waitUntil('uploads in flight', () => {
    const sent = system.atlas.uploads().flatMap(({ documentIds }) => documentIds);
    return new Set(sent).size === documents;
  });
  system.s3.setFaults({
    rules: Object.entries(FAULTS).map(([name, rule]) => ({
      ...rule,
      match: ({ key }) => key.startsWith(name),
      untilMs: WINDOW_MS,
    })),
  });
  const late = await submit(system, 'late');
  const all = [...early, ...late];
  await batchesEnded(system, all.length, WINDOW_MS + 90_000);

  expect(completedEarly()).toEqual([]);
  expect(Object.keys(system.s3.faultsFired()).sort()).toEqual(
    [...new Set(Object.values(FAULTS).map(({ fault }) => String(fault)))].sort(),
  );
  const refused: string[] = [];
  for (const { reference } of all) {
    const { data } = await system.event(`done-${reference}`);
    if (data.status === 'completed') continue;
    // What Atlas cannot fetch it refuses: a clear no.
    expect(data.reason?.code, reference).toBe('ATLAS_REJECTED');
    expect(reference).toMatch(/^(closed-to-get|busy|broken|cut)-late/);
    refused.push(reference);
  }
  await expectAllEndedOnce(system, all);
  await expectStoredAsAtlasHasIt(system, all);
  await expectFewSubmissions(system, all);

  for (const reference of refused) {
    await (await system.batches.getJob(`batch-${reference}`))?.retry('failed');
    expect((await system.event(`done-${reference}~2`)).name).toBe('batch.completed');
  }
});

it('an outage of S3 ends a batch as STORAGE at the deadline, and a retry completes it and sends nothing', async () => {
  const system = await startSystem({ environment: { BATCH_DEADLINE_MS: '3000' } });
  system.s3.setFaults({ rules: [{ endpoint: 'put', fault: 503 }] });
  const worker = await system.startWorker();
  const requests = await submit(system, 'full', ['closed']);
  await allJobsEnded(system, requests.length);
  for (const { reference, documents } of requests) {
    const { data } = await system.event(`done-${reference}`);
    expect(data).toMatchObject({
      status: 'failed',
      reason: { code: 'STORAGE', message: expect.stringContaining('S3 answered 503') },
      documents: { total: documents.length, present: 0 },
      results: [],
    });
  }
  const uploads = system.atlas.uploads().length;
  expect(uploads).toBe(requests.length);

  system.s3.clearFaults();
  for (const { reference, documents } of requests) {
    await (await system.batches.getJob(`batch-${reference}`))?.retry('failed');
    const { name, data } = await system.event(`done-${reference}~2`);
    expect(name).toBe('batch.completed');
    const { documents: stored } = readResults(system, data.results[0] ?? '');
    expect(stored).toHaveLength(documents.length);
  }
  expect(system.atlas.uploads()).toHaveLength(uploads);
  await worker.stop();
});

it('a batch sends nothing while it cannot know whether its documents are there', async () => {
  const system = await startSystem({ environment: { BATCH_DEADLINE_MS: '2000' } });
  system.s3.setFaults({ rules: [{ fault: 403 }] });
  await system.startWorker();
  await system.submit('unseen', 3);
  expect((await system.event('done-unseen')).data).toMatchObject({
    reason: { code: 'STORAGE', message: expect.stringContaining('s3:GetObject') },
    batchIds: [],
  });
  expect(system.atlas.uploads()).toEqual([]);

  await allJobsEnded(system, 1);
  system.s3.clearFaults();
  await (await system.batches.getJob('batch-unseen'))?.retry('failed');
  expect((await system.event('done-unseen~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
});

async function submit(
  system: System,
  when: string,
  names = Object.keys(FAULTS),
): Promise<BatchRequest[]> {
  const references = names.flatMap((name) =>
    Array.from({ length: BATCHES_EACH }, (_, i) => `${name}-${when}-${i}`),
  );
  return Promise.all(references.map((reference) => system.submit(reference, 4, `${reference}-`)));
}

/** Reads each event the moment it comes; answers with those whose results were not all there. */
function watchForMissingResults({ completions, redis, prefix, s3 }: System): () => string[] {
  const early: string[] = [];
  const consumer = new Worker<BatchSummary>(
    completions.name,
    async ({ data }) => {
      for (const uri of data.results) {
        const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
        if (s3.get(bucket, key) === undefined) early.push(uri);
      }
      if (data.status === 'completed' && data.results.length === 0) early.push(`${data.reference}`);
    },
    { connection: redis.duplicate({ maxRetriesPerRequest: null }), prefix },
  );
  onTestFinished(() => consumer.close());
  return () => early;
}
