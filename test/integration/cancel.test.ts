import { expect, it, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const NEVER_MS = 3_600_000;

function clientOf({ environment, prefix }: System) {
  const client = createAtlasBatchClient({ redisUrl: environment.REDIS_URL ?? '', prefix });
  onTestFinished(() => client.close());
  return client;
}

async function expectCancelled(system: System, reference: string): Promise<void> {
  const { name, data } = await system.event(`done-${reference}`);
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reference,
    reason: { code: 'CANCELLED', message: 'the customer withdrew' },
    results: [],
  });
}

it('cancel ends a batch that nobody has begun, and nothing is sent', async () => {
  const system = await startSystem();
  const request = await system.submit('early', 2);
  const client = clientOf(system);
  expect(await client.cancel('early', 'the customer withdrew')).toMatchObject({
    status: 'cancelling',
  });
  await system.startWorker();
  await expectCancelled(system, 'early');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  expect(system.atlas.uploads()).toEqual([]);
});

it('cancel ends a batch that is being sent: what Atlas has is not read', async () => {
  const system = await startSystem({
    atlas: { completionMs: NEVER_MS },
    environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' },
  });
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'slow', delayMs: 300 }] });
  const request = await system.submit('sending', 12);
  await system.startWorker();
  await waitUntil('the first upload', () => system.atlas.uploads().length > 0);
  await clientOf(system).cancel('sending', 'the customer withdrew');
  await expectCancelled(system, 'sending');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  expect(system.atlas.uploads().length).toBeLessThan(12);
});

it('cancel ends a batch in flight at once, however long its polls would sleep', async () => {
  const system = await startSystem({
    atlas: { completionMs: NEVER_MS },
    environment: { POLL_MIN_MS: '600000', POLL_MAX_MS: '600000' },
  });
  const request = await system.submit('flying', 3);
  await system.startWorker();
  await batchesInFlight(system);
  await clientOf(system).cancel('flying', 'the customer withdrew');
  await expectCancelled(system, 'flying');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it('cancel ends a batch that waits out an outage', async () => {
  const system = await startSystem();
  system.atlas.setFaults({ rules: [{ fault: 503, retryAfter: '300' }] });
  await system.submit('outage', 3);
  await system.startWorker();
  await waitUntil(
    'a batch that sleeps',
    async () => (await system.batches.getDelayedCount()) === 1,
  );
  await clientOf(system).cancel('outage', 'the customer withdrew');
  await expectCancelled(system, 'outage');
  expect(system.atlas.uploads()).toEqual([]);
});

it('cancel ends a batch that waits for S3, which it asks once more at most', async () => {
  const system = await startSystem();
  system.s3.setFaults({ rules: [{ fault: 503 }] });
  await system.submit('storage', 1);
  await system.startWorker();
  await waitUntil(
    'a batch that sleeps',
    async () => (await system.batches.getDelayedCount()) === 1,
  );
  const asked = system.s3.requests.count('head');
  await clientOf(system).cancel('storage', 'the customer withdrew');
  await expectCancelled(system, 'storage');
  expect(system.s3.requests.count('head')).toBeLessThanOrEqual(2 * asked);
});

it('cancel ends a batch that was retried, also before a worker has taken it again', async () => {
  const system = await startSystem();
  const worker = await system.startWorker();
  const client = clientOf(system);
  const request = {
    reference: 'retried',
    productType: 'LOAN_APP',
    documents: [{ documentId: '1', bucket: 'kyc-documents', key: 'not there' }],
  };
  await system.add(request);
  expect((await system.event('done-retried')).data.reason?.code).toBe('OBJECT_NOT_FOUND');
  await allJobsEnded(system, 1);
  await worker.stop();

  await (await system.batches.getJob('batch-retried'))?.retry();
  expect(await client.cancel('retried', 'the customer withdrew')).toMatchObject({
    status: 'cancelling',
  });
  await system.startWorker();
  expect((await system.event('done-retried~2')).data.reason?.code).toBe('CANCELLED');
  await allJobsEnded(system, 1);

  // The next run is asked nothing.
  await (await system.batches.getJob('batch-retried'))?.retry();
  expect((await system.event('done-retried~3')).data.reason?.code).toBe('OBJECT_NOT_FOUND');
});

it('cancel leaves a batch that has ended as it is, and a later one of the same reference alone', async () => {
  const system = await startSystem();
  await system.startWorker();
  const request = await system.submit('again', 2);
  await system.event('done-again');
  await allJobsEnded(system, 1);
  const client = clientOf(system);
  expect(await client.cancel('again')).toMatchObject({ status: 'ended' });
  expect(await client.cancel('nobody')).toMatchObject({ status: 'unknown' });

  await (await system.batches.getJob('batch-again'))?.remove();
  await system.add(request);
  expect((await system.event('done-again~2')).name).toBe('batch.completed');
});
