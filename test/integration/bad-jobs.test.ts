import { expect, it } from 'vitest';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const scan = (documentId: string, changes: object = {}) => ({
  documentId,
  bucket: 'kyc-documents',
  key: `${documentId}.jpg`,
  ...changes,
});
const batch = (reference: string, changes: object = {}) => ({
  reference,
  productType: 'LOAN_APP',
  documents: [scan('1')],
  ...changes,
});

/** Job id, data, id of the event, code, and what the message has to name. */
const BAD_JOBS: [string, unknown, string, string, string[]][] = [
  ['batch-a', batch('a', { urgent: true }), 'done-a', 'INVALID_JOB', ['urgent']],
  ['batch-b', batch('b', { documents: [] }), 'done-b', 'INVALID_JOB', ['at least one document']],
  [
    'batch-c',
    batch('c', { documents: [scan('1'), scan('1')] }),
    'done-c',
    'INVALID_JOB',
    ['documents[1].documentId'],
  ],
  [
    'batch-d',
    batch('d', { productType: 7, documents: [scan('1', { key: 1 })] }),
    'done-d',
    'INVALID_JOB',
    ['productType must be a string', 'documents[0].key must be a string'],
  ],
  ['batch-e', 'not an object', 'done-e', 'INVALID_JOB', ['the data must be an object']],
  ['batch-f', null, 'done-f', 'INVALID_JOB', ['the data must be an object']],
  [
    'batch-g',
    batch('g', { documents: Array.from({ length: 10_001 }, (_, i) => scan(`${i}`)) }),
    'done-g',
    'INVALID_JOB',
    ['at most 10000 documents'],
  ],
  ['batch-h', batch('other'), 'done-invalid~batch-h', 'INVALID_JOB', ['jobId']],
  ['batch-a b', batch('a b'), 'done-invalid~batch-a%20b', 'INVALID_JOB', ['reference', 'jobId']],
  ['loan', batch('i'), 'done-invalid~loan', 'INVALID_JOB', ['jobId']],
  [
    'batch-j',
    batch('j', { documents: [scan('1'), scan('2', { bucket: 'salaries' })] }),
    'done-j',
    'BUCKET_NOT_ALLOWED',
    ['2 (s3://salaries/2.jpg)'],
  ],
  [
    'batch-l',
    batch('l', {
      documents: [scan('1', { bucket: 'Kyc_Docs' }), scan('2', { bucket: 's3://kyc' })],
    }),
    'done-l',
    'INVALID_JOB',
    ['documents[0-1].bucket must be the name of a bucket'],
  ],
  [
    'batch-k',
    batch('k', { documents: [scan('gone-1'), scan('1'), scan('gone-2')] }),
    'done-k',
    'OBJECT_NOT_FOUND',
    ['s3://kyc-documents/gone-1.jpg', 's3://kyc-documents/gone-2.jpg'],
  ],
];

it('bad jobs fail at once, with every issue named, and Atlas is asked for nothing', async () => {
  const system = await startSystem();
  await system.s3.put('kyc-documents', '1.jpg', 'a scan');
  for (const [jobId, data] of BAD_JOBS) {
    await system.batches.add('batch', data, { jobId, attempts: 5, removeOnFail: true });
  }
  await system.startWorker();
  for (const [jobId, , eventId, code, named] of BAD_JOBS) {
    const event = await system.event(eventId);
    expect(event.name).toBe('batch.failed');
    expect(event.data).toMatchObject({
      status: 'failed',
      reason: { code },
      batchIds: [],
      results: [],
    });
    for (const part of named) expect(event.data.reason?.message).toContain(part);
    const job = await waitUntil('the failed job', async () => {
      const found = await system.batches.getJob(jobId);
      return found?.finishedOn === undefined ? null : found;
    });
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(1);
    expect(job.failedReason).toContain(code);
  }
  expect(await system.completions.getJobCounts('wait')).toEqual({ wait: BAD_JOBS.length });
  expect(system.atlas.requestLog()).toEqual([]);
});

it('the event of a bad job repeats only what is surely right', async () => {
  const system = await startSystem();
  await system.startWorker();
  await system.batches.add('batch', { reference: 5, productType: 'X' }, { jobId: 'batch-5' });
  expect((await system.event('done-invalid~batch-5')).data).toEqual({
    eventId: expect.stringMatching(/^done-invalid~batch-5@/),
    reference: null,
    status: 'failed',
    reason: expect.objectContaining({ code: 'INVALID_JOB' }),
    productType: null,
    batchIds: [],
    documents: { total: 0, sent: 0, present: 0, missing: [] },
    results: [],
    submittedAt: null,
    completedAt: expect.any(String),
    polls: 0,
  });
});

it('a job whose data is no JSON ends in its event, and keeps nobody waiting', async () => {
  const system = await startSystem();
  const request = await system.submit('nan', 1);
  // As Python writes a number that is none, unless it is told not to.
  const data = JSON.stringify({ ...request, metadata: { score: 'NaN' } }).replace('"NaN"', 'NaN');
  await system.redis.hset(system.batches.toKey('batch-nan'), 'data', data);
  await system.startWorker({ SUBMIT_CONCURRENCY: '1' });
  await system.submit('next', 1);
  expect((await system.event('done-next')).data.status).toBe('completed');
  const ended = await waitUntil(
    'an event',
    async () => {
      const events = await system.completions.getWaiting();
      return events.find(({ data: event }) => event.status === 'failed');
    },
    10_000,
  );
  expect(ended.data.reason?.code).toBe('INVALID_JOB');
  await waitUntil(
    'its end',
    async () => (await system.redis.zcard(system.batches.toKey('failed'))) === 1,
  );
});
