import { expect, it } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt } from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';
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
