/** What services like S3 do to a batch. */
import { expect, it } from 'vitest';
import type { S3FaultRule } from '../../src/simulator/index.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const BUCKET = 'kyc-documents';
const QUEUED = LONG ? 2000 : 100;
/** Documents of one batch. */
const LARGE = LONG ? 10_000 : 2000;

it('objects that nobody can fetch fail a batch before anything is sent, and are named with their reason', {
  timeout: 120_000,
}, async () => {
  const system = await startSystem();
  await system.startWorker();
  const request = await system.request('odd', 8);
  system.s3.put(BUCKET, 'odd/002.jpg', '');
  const dotted = 'odd/../odd/003.jpg';
  system.s3.put(BUCKET, dotted, 'scan');
  const documents = request.documents.map((one, n) => (n === 2 ? { ...one, key: dotted } : one));
  const { s3 } = system;
  s3.setFaults({
    rules: [
      { fault: 'archived', match: ({ key }) => key === 'odd/001.jpg' },
      { fault: 'AccessDenied', match: ({ key }) => key === 'odd/004.jpg' },
      { fault: 'sealed', match: ({ key }) => key === 'odd/005.jpg' },
      { fault: 'locked', match: ({ key }) => key === 'odd/006.jpg' },
    ],
  });
  await system.add({ ...request, documents });
  // That a key is denied has to last.
  const { data } = await system.event('done-odd', 100_000);
  expect(data).toMatchObject({ status: 'failed', reason: { code: 'OBJECT_UNREADABLE' } });
  const message = data.reason?.message ?? '';
  for (const part of [
    /archived, [^:]*: 001 \(s3:\/\/kyc-documents\/odd\/001\.jpg\)/,
    /empty: 002 \(/,
    /its key has \. or \.\. between slashes[^:]*: 003 \(/,
    /encrypted with a key that only whoever stored it has \(SSE-C\): 005 \(/,
    /a key of KMS that our role may not use \(kms:Decrypt\)[^:]*: 006 \(/,
    /denied to our role.*: 004 \(s3:\/\/kyc-documents\/odd\/004\.jpg\)$/,
  ]) {
    expect(message).toMatch(part);
  }
  expect(message).not.toMatch(/007|008/);
  expect(system.atlas.requestLog()).toEqual([]);

  // Absent ones come first, and the others are named all the same.
  const gone = { documentId: '009', bucket: BUCKET, key: 'gone.jpg' };
  await system.add({ ...request, reference: 'gone', documents: [...documents, gone] });
  const { reason } = (await system.event('done-gone', 60_000)).data;
  expect(reason?.code).toBe('OBJECT_NOT_FOUND');
  expect(reason?.message).toMatch(/^no such object: 009 \(.*; archived.*; empty: 002 /);
});

it('a 200 of somebody who is not S3, or with an error in it, is no stored result, and no bytes in HEAD alone fail no batch', async () => {
  const system = await startSystem({ atlas: { completionMs: 0, extractsPerDocument: () => 1 } });
  const { s3 } = system;
  s3.setFaults({
    rules: [
      { fault: 'no-length', endpoint: 'head' },
      { fault: 'html-200', endpoint: 'put', times: 3 },
      { fault: 'error-200', endpoint: 'put', times: 3 },
      { fault: 'empty-200', endpoint: 'put', times: 3 },
    ],
  });
  await system.startWorker();
  await system.submit('portal', 2);
  expect((await system.event('done-portal')).data.status).toBe('completed');
  expect(s3.faultsFired()).toMatchObject({ 'html-200': 3, 'error-200': 3, 'empty-200': 3 });
  expect(s3.list('results', 'portal/')).toHaveLength(1);
});

/** A worker with such credentials leaves batches to others, and tries few of them. */
const TRIES_OF_OWN_FAULTS = 20;

it.each<[string, S3FaultRule]>([
  ['a wrong role', { fault: 'AccessDenied' }],
  ['expired credentials', { fault: 'ExpiredToken' }],
  ['wrong keys', { fault: 'SignatureDoesNotMatch' }],
])('%s for a while fails none of the batches that wait', { timeout: 330_000 }, async (_, rule) => {
  const count = QUEUED;
  const system = await startSystem();
  // Some of the bucket was read before, in the same process.
  await system.startWorker();
  await system.submit('before', 3);
  await system.event('done-before');
  system.s3.setFaults({ rules: [rule] });
  const references = Array.from({ length: count }, (_, n) => `loan-${n}`);
  await Promise.all(references.map((reference) => system.submit(reference, 2)));
  const tries = rule.fault === 'AccessDenied' ? count : TRIES_OF_OWN_FAULTS;
  const areRefused = () => (system.s3.faultsFired()[rule.fault] ?? 0) > tries;
  await waitUntil('refused batches', areRefused, 150_000);
  expect(await system.completions.getJobCounts('waiting')).toEqual({ waiting: 1 });
  system.s3.clearFaults();
  await batchesEnded(system, 1 + count, 150_000);
  const events = await Promise.all(references.map((one) => system.event(`done-${one}`)));
  expect(events.filter(({ name }) => name !== 'batch.completed')).toEqual([]);
});

it.each([
  [
    'a role that may read nothing in a bucket',
    'role',
    '403 AccessDenied; the role needs s3:GetObject there',
  ],
  ['an S3 that is not there', 'host', '(ECONNREFUSED); correct AWS_ENDPOINT_URL_S3, or let this'],
])('%s is said in the log, with what to set, and fails no batch', async (_, what, line) => {
  const system = await startSystem();
  if (what === 'role') system.s3.setFaults({ rules: [{ fault: 'AccessDenied' }] });
  const worker = await system.startWorkerProcess(
    what === 'host' ? { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' } : {},
  );
  const references = ['loan-1', 'loan-2', 'loan-3'];
  await Promise.all(references.map((reference) => system.submit(reference, 2)));
  await waitUntil('a line of the log', () => worker.output().includes(line));
  const lines = worker.output().split('\n');
  expect(lines.filter((one) => one.includes(line) && !one.includes('times more'))).toHaveLength(1);
  expect(await system.completions.count()).toBe(0);
});

it('a role that only some of the hosts of S3 know yet fails no batch', {
  timeout: 120_000,
}, async () => {
  const system = await startSystem();
  await system.startWorker();
  // Atlas's requests are told apart, so that it refuses nothing.
  const isOurs = ({ signedIn }: { signedIn: string }) => signedIn === 'header';
  system.s3.setFaults({ rules: [{ fault: 'AccessDenied', probability: 0.7, match: isOurs }] });
  const references = Array.from({ length: 40 }, (_, n) => `loan-${n}`);
  await Promise.all(references.map((reference) => system.submit(reference, 2)));
  await waitUntil('many refusals', () => (system.s3.faultsFired().AccessDenied ?? 0) > 300);
  system.s3.clearFaults();
  await batchesEnded(system, references.length, 90_000);
  const events = await Promise.all(references.map((one) => system.event(`done-${one}`)));
  expect(events.filter(({ name }) => name !== 'batch.completed')).toEqual([]);
});

it('thousands of documents come to an upload although S3 refuses every tenth request', {
  timeout: 180_000,
}, async () => {
  const system = await startSystem({
    atlas: { fetchUrls: false, completionMs: 60_000 },
    environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '10000' },
  });
  const request = await system.request('large', LARGE);
  system.s3.setFaults({ rules: [{ fault: 503, probability: 0.1 }] });
  await system.startWorker();
  await system.add(request);
  await waitUntil('an upload', () => system.atlas.uploads().length === 1, 150_000);
  expect(system.s3.faultsFired()['503']).toBeGreaterThan(LARGE * 0.08);
  // Each document was found once, but for the few that were under way when one failed.
  expect(system.s3.requests.count('head', 200)).toBeLessThan(LARGE * 1.05);
});

it.each([301, 400] as const)(
  'buckets in another region, named by %i, are followed by the batch and by Atlas',
  async (status) => {
    const system = await startSystem();
    system.s3.setFaults({ rules: [{ fault: 'another-region', region: 'eu-west-1', status }] });
    await system.startWorker();
    await system.submit('far', 3);
    const { name, data } = await system.event('done-far');
    expect([name, data.documents.present]).toEqual(['batch.completed', 3]);
    expect(system.atlas.uploads()).toHaveLength(1);
  },
);

it('policies of the results bucket are met: signatures in headers, encryption', async () => {
  const system = await startSystem({
    environment: { RESULTS_SSE: 'aws:kms', RESULTS_KMS_KEY_ID: 'alias/results' },
  });
  system.s3.setFaults({
    rules: [
      {
        fault: 'AccessDenied',
        match: ({ bucket, signedIn }) => bucket === 'results' && signedIn !== 'header',
      },
      {
        fault: 'AccessDenied',
        endpoint: 'put',
        match: ({ encryption }) => encryption !== 'aws:kms',
      },
    ],
  });
  await system.startWorker();
  await system.submit('policy', 2);
  expect((await system.event('done-policy')).name).toBe('batch.completed');
});

it('Atlas fetches at S3_PUBLIC_ENDPOINT_URL what we check at our own address', async () => {
  const system = await startSystem();
  const { port } = system.s3;
  const proxyless = { S3_PUBLIC_ENDPOINT_URL: `http://localhost:${port}` };
  // The stand-in takes a signature for the host that it covers only.
  await system.startWorker(proxyless);
  await system.submit('two-names', 2);
  expect((await system.event('done-two-names')).name).toBe('batch.completed');

  const worker = await system.startWorkerProcess({
    ATLAS_BASE_URL: 'https://atlas.example.com',
    QUEUE_PREFIX: `${system.prefix}-elsewhere`,
  });
  await waitUntil('the warning', () => worker.output().includes('set S3_PUBLIC_ENDPOINT_URL'));
});
