import { expect, it } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { storesReadKey } from '../../src/jobs/keys/reading-keys.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt } from '../helpers/invariants.js';
import { type System, startSystem, startTestS3 } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** More than a worker takes at once: a wrong one would have them all before a good one is there. */
const BATCHES = 30;
const WRONG_LIST = { S3_ALLOWED_BUCKETS: 'another-bucket' };

it('a worker whose list of buckets lacks one leaves the batches to others, and says so', async () => {
  const system = await startSystem();
  // A good worker was there lately: it is being restarted, for instance.
  await (await system.startWorker()).stop();
  const port = randomPort();
  const wrong = await system.startWorkerProcess({ ...WRONG_LIST, WORKER_PORT: `${port}` });
  const requests = await Promise.all(
    Array.from({ length: BATCHES }, (_, i) => system.submit(`b${i}`, 1, `b${i}-`)),
  );
  await waitUntil('the line of the log', () => wrong.output().includes('is not configured for'));
  expect(wrong.output()).toContain(
    'does not allow kyc-documents (S3_ALLOWED_BUCKETS), and others do',
  );
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  expect(JSON.parse(await ask('/health/ready'))).toMatchObject({
    down: [expect.stringContaining('does not allow kyc-documents')],
  });
  expect(await ask('/metrics')).toMatch(
    /^atlas_batch_own_faults_total\{code="BUCKET_NOT_ALLOWED"\} \d+$/m,
  );
  expect(await system.completions.count()).toBe(0);

  await system.startWorker();
  await batchesEnded(system, BATCHES, 30_000);
  for (const { reference } of requests) {
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
  }
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
});

it('a batch in line is left to a worker that allows its bucket, also by the one that has it when its turn comes', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1' },
  });
  const { atlas, redis, prefix } = system;
  const sent = () => atlas.uploads().map(({ documentIds }) => documentIds.join());
  const good = await system.startWorker();
  await system.submit('occupying', 1, 'occupying-');
  await waitUntil('its upload', () => sent().length === 1);
  await system.submit('ours', 1, 'ours-');
  await waitUntil('a batch in line', async () => (await redis.zcard(`${prefix}:gate-line`)) === 1);
  await good.stop();

  const wrong = await system.startWorkerProcess(WRONG_LIST);
  atlas.completeNow();
  await waitUntil('the line of the log', () => wrong.output().includes('is not configured for'));
  expect(sent()).toEqual(['occupying-001']);
  await system.startWorker();
  await waitUntil('its upload', () => sent().length === 2);
  expect(sent()).toEqual(['occupying-001', 'ours-001']);
});

/** A good worker was there, and has read documents. */
async function startedOnce(system: System): Promise<void> {
  const good = await system.startWorker();
  await system.submit('read', 1, 'read-');
  await system.event('done-read');
  await good.stop();
}

it.each(['no such bucket', 'such a bucket, of others', 'nothing that it may read'])(
  'a worker of another S3, where there is %s, leaves the batches to others, and says so',
  async (there) => {
    const system = await startSystem();
    const other = await startTestS3();
    if (there === 'such a bucket, of others') other.put('kyc-documents', 'theirs/1.pdf', 'scan');
    const isDenied = there === 'nothing that it may read';
    if (isDenied) other.setFaults({ rules: [{ fault: 'AccessDenied' }] });
    await startedOnce(system);

    const port = randomPort();
    const wrong = await system.startWorkerProcess({
      AWS_ENDPOINT_URL_S3: other.url,
      WORKER_PORT: `${port}`,
    });
    const requests = await Promise.all(
      Array.from({ length: BATCHES }, (_, i) => system.submit(`b${i}`, 1, `b${i}-`)),
    );
    const what = isDenied
      ? 'the role needs s3:GetObject'
      : `has read no document at ${other.url}, and others have at ${system.s3.url}`;
    await waitUntil('the line of the log', () =>
      wrong
        .output()
        .split('\n')
        .some((line) => line.includes('is not configured for') && line.includes(what)),
    );
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect(await ready.json()).toMatchObject({ down: [expect.stringContaining(what)] });
    // That of the batch which was read before.
    expect(await system.completions.count()).toBe(1);

    await system.startWorker();
    await batchesEnded(system, 1 + BATCHES, 30_000);
    for (const { reference } of requests) {
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    }
    await expectStoredAsAtlasHasIt(system, requests);

    // Of what is nowhere the good one says so, beside the other.
    await system.add({
      reference: 'nowhere',
      productType: 'LOAN_APP',
      documents: [{ documentId: 'pan', bucket: 'kyc-documents', key: 'nowhere.pdf' }],
    });
    const { data } = await system.event('done-nowhere');
    expect(data.reason?.code).toBe('OBJECT_NOT_FOUND');
  },
);

it('a batch that was checked before is not sent by a worker of another S3', async () => {
  const system = await startSystem();
  const other = await startTestS3();
  await startedOnce(system);
  const sent = system.atlas.requests.count('multiupload', 200);
  const good = await system.startWorker();
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 503 }] });
  const request = await system.submit('checked', 1, 'checked-');
  await waitUntil('its refusal', () => system.atlas.requests.count('multiupload', 503) > 0);
  await good.stop();
  system.atlas.setFaults({ rules: [] });

  const wrong = await system.startWorkerProcess({ AWS_ENDPOINT_URL_S3: other.url });
  await waitUntil('the line of the log', () => wrong.output().includes('is not configured for'));
  expect(system.atlas.requests.count('multiupload', 200)).toBe(sent);
  await system.startWorker();
  expect((await system.event('done-checked')).data.status).toBe('completed');
  await expectStoredAsAtlasHasIt(system, [request]);
});

it('a worker that reaches the S3 of the others by another name stores what it polls', async () => {
  const system = await startSystem({ atlas: { completionMs: 3_600_000 } });
  const good = await system.startWorker();
  const request = await system.submit('named', 1, 'named-');
  const url = system.s3.url.replace('127.0.0.1', 'localhost');
  const poll = await waitUntil('its poll', async () => (await system.pollJobs.getDelayed())[0]);
  await good.stop();
  const port = randomPort();
  await system.startWorkerProcess({
    AWS_ENDPOINT_URL_S3: url,
    WORKER_PORT: `${port}`,
  });
  system.atlas.completeNow(poll.data.atlasBatchId);
  expect((await system.event('done-named')).data.status).toBe('completed');
  // It has proved that it reads there, and says so.
  const told = await system.redis.zrange(storesReadKey(system.prefix), 0, '-1');
  const names = told.filter((one) => !one.includes(' '));
  expect(names.sort()).toEqual([system.s3.url, url].sort());
  await expectStoredAsAtlasHasIt(system, [request]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toMatch(/^atlas_batch_own_faults_total\{code="STORAGE"\} 0$/m);
});

it.each(['AccessDenied', 'NoSuchBucket'] as const)(
  'a worker whose results S3 does not take (%s) leaves them to others beyond the deadline, and says so',
  async (fault) => {
    const system = await startSystem({
      environment: { BATCH_DEADLINE_MS: '2000', RESUBMIT_MISSING: '0' },
    });
    system.s3.setFaults({
      rules: [{ endpoint: 'put', fault, match: ({ bucket }) => bucket === 'wrong' }],
    });
    const wrong = await system.startWorkerProcess({ RESULTS_BUCKET: 'wrong' });
    const request = await system.submit('stored', 1, 'stored-');
    await waitUntil('the line of the log', () => wrong.output().includes('is not configured for'));
    expect(wrong.output()).toMatch(/PUT s3:\/\/wrong\/stored.* (s3:PutObject|create the bucket)/);
    const batch = await system.batches.getJob('batch-stored');
    const { startedAt } = Object(batch?.progress);
    const delayed = system.pollJobs.toKey('delayed');
    await waitUntil('a try beyond the deadline', async () => {
      const [, score] = await system.redis.zrange(delayed, '0', '0', 'WITHSCORES');
      // BullMQ keeps the time of a job in the upper bits.
      return Number(score) / 4096 > startedAt + 2000;
    });
    await system.startWorker();
    expect((await system.event('done-stored')).data.status).toBe('completed');
    await expectStoredAsAtlasHasIt(system, [request]);
  },
);

it('a batch whose bucket no worker takes that is left ends at its deadline, with that reason', async () => {
  const system = await startSystem({ environment: { BATCH_DEADLINE_MS: '2000' } });
  await (await system.startWorker()).stop();
  const { metrics } = await system.startWorker(WRONG_LIST);
  await system.submit('left', 1);
  const { data } = await system.event('done-left');
  expect(data).toMatchObject({
    status: 'failed',
    reason: {
      code: 'BUCKET_NOT_ALLOWED',
      message: expect.stringContaining(
        'does not allow kyc-documents (S3_ALLOWED_BUCKETS), and others do',
      ),
    },
  });
  const faults = await metrics.registry.getSingleMetric('atlas_batch_own_faults_total')?.get();
  expect(faults?.values[0]).toMatchObject({ labels: { code: 'BUCKET_NOT_ALLOWED' } });
  expect(system.atlas.requests.count('multiupload')).toBe(0);
});
