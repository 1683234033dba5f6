import { expect, it } from 'vitest';
import type { BatchFilter } from '../../src/batches/lists/batch-filter.js';
import { begunKey } from '../../src/jobs/keys/redis-keys.js';
import { clientOf } from '../client/test-client.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { readResults, stateOf } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';

async function retry({ batches }: System, reference: string, state: 'completed' | 'failed') {
  await (await batches.getJob(`batch-${reference}`))?.retry(state);
}

it('a retry reads what Atlas has before it sends anything again', async () => {
  const system = await startSystem({
    atlas: { completionMs: ({ documentId }) => (documentId === '002' ? 3_600_000 : 50) },
    environment: { BATCH_DEADLINE_MS: '1500', RESUBMIT_MISSING: '0' },
  });
  await system.startWorker();
  await system.submit('late', 3);
  expect((await system.event('done-late')).data).toMatchObject({
    reason: { code: 'INCOMPLETE' },
    documents: { present: 2, missing: ['002'] },
  });
  await allJobsEnded(system, 1);

  system.atlas.completeNow();
  await retry(system, 'late', 'failed');
  const { name, data } = await system.event('done-late~2');
  expect(name).toBe('batch.completed');
  expect(data).toMatchObject({ documents: { present: 3, missing: [] } });
  expect(data.results).toHaveLength(1);
  expect(readResults(system, data.results[0] ?? '').documents).toHaveLength(3);
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('a retry sends only what is still missing, under a new deadline', async () => {
  let arrives = false;
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === '002' && !arrives },
    environment: { BATCH_DEADLINE_MS: '1500', RESUBMIT_MISSING: '0' },
  });
  await system.startWorker();
  await system.submit('rest', 3);
  expect((await system.event('done-rest')).name).toBe('batch.failed');
  await allJobsEnded(system, 1);

  // Lists know what the workers have written of it, before and after.
  const client = clientOf(system);
  const listed = async (filter: BatchFilter) => (await client.count(filter)).matching;
  const { productType } = await system.request('rest', 3);
  expect(await listed({ state: 'failed', code: 'INCOMPLETE', productType })).toBe(1);
  expect(await client.preview('retry', { code: 'INCOMPLETE' })).toMatchObject({
    ...{ batches: 1, atlasBatches: 1, documents: 1 },
  });
  arrives = true;
  for await (const { changed } of client.retryMany({ code: 'INCOMPLETE' })) expect(changed).toBe(1);
  const { name, data } = await system.event('done-rest~2');
  await allJobsEnded(system, 1);
  expect(await listed({ state: 'completed', productType })).toBe(1);
  expect(await listed({ state: ['running', 'failed'] })).toBe(0);
  expect(await system.redis.exists(begunKey(system.prefix))).toBe(0);
  expect(name).toBe('batch.completed');
  expect(system.atlas.uploads().map(({ documentIds }) => documentIds)).toEqual([
    ['001', '002', '003'],
    ['002'],
  ]);
  expect(data.results).toHaveLength(2);
});

it('results that a worker of another prefix has stored are named, read and erased where they are', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === '002' },
    environment: { BATCH_DEADLINE_MS: '1500', RESUBMIT_MISSING: '0' },
  });
  const before = await system.startWorker({ RESULTS_PREFIX: 'before/' });
  await system.submit('moved', 3);
  const { data: first } = await system.event('done-moved');
  expect(first.results).toEqual([expect.stringContaining('/before/moved/')]);
  await allJobsEnded(system, 1);
  await before.stop();

  // Atlas has forgotten it: what was stored before is all there is.
  system.atlas.setFaults({ rules: [{ endpoint: 'extracts', fault: 404 }] });
  await system.startWorker({ RESULTS_PREFIX: 'after/' });
  await retry(system, 'moved', 'failed');
  const { data } = await system.event('done-moved~2');
  expect(data).toMatchObject({ results: first.results, documents: { present: 2 } });
  await allJobsEnded(system, 1);
  const client = clientOf(system);
  const found: string[] = [];
  for await (const { documentId, extracts } of client.results('moved'))
    if (extracts.length > 0) found.push(documentId);
  expect(found).toEqual(['001', '003']);
  await client.erase('moved');
  expect(system.s3.list('results')).toEqual([]);
});

it('a retry is consent to send an upload again of which nobody knows', async () => {
  const system = await startSystem({ environment: { ON_AMBIGUOUS_SUBMISSION: 'fail' } });
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'reset-after', times: 1 }] });
  await system.startWorker();
  await system.submit('unknown', 2);
  const { data } = await system.event('done-unknown');
  expect(data).toMatchObject({ reason: { code: 'AMBIGUOUS_SUBMISSION' }, batchIds: [] });
  expect(data.reason?.message).toContain('documents[0-1]');
  await allJobsEnded(system, 1);

  await retry(system, 'unknown', 'failed');
  expect((await system.event('done-unknown~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(2);
});

it('a retry forgets a request to cancel', async () => {
  const system = await startSystem({ atlas: { completionMs: 400 } });
  const { createAtlasBatchClient } = await import('../../src/client/client.js');
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  await system.submit('changed', 1);
  await client.cancel('changed', 'a mistake');
  await client.close();
  await system.startWorker();
  expect((await system.event('done-changed')).data.reason?.code).toBe('CANCELLED');
  await allJobsEnded(system, 1);
  await retry(system, 'changed', 'failed');
  expect((await system.event('done-changed~2')).name).toBe('batch.completed');
});

it('a retry of a completed batch sends nothing and adds no event', async () => {
  const system = await startSystem();
  await system.startWorker();
  await system.submit('whole', 2);
  const { data } = await system.event('done-whole');
  await allJobsEnded(system, 1);
  const requests = system.atlas.requests.count();
  await (await system.completions.getJob('done-whole'))?.remove();

  await retry(system, 'whole', 'completed');
  await allJobsEnded(system, 1);
  const job = await system.batches.getJob('batch-whole');
  expect(job?.returnvalue).toEqual(data);
  expect(await system.completions.count()).toBe(0);
  expect(system.atlas.requests.count()).toBe(requests);
});

it('the outcomes of one job are numbered from its first on', async () => {
  const system = await startSystem({
    atlas: { neverArrives: () => true },
    environment: { BATCH_DEADLINE_MS: '1000', RESUBMIT_MISSING: '0' },
  });
  await system.startWorker();
  await system.submit('thrice', 1);
  for (const eventId of ['done-thrice', 'done-thrice~2', 'done-thrice~3']) {
    expect((await system.event(eventId)).data.reason?.code).toBe('INCOMPLETE');
    await (await system.completions.getJob(eventId))?.remove();
    await allJobsEnded(system, 1);
    await retry(system, 'thrice', 'failed');
  }
  await system.event('done-thrice~4');
  expect((await stateOf(system, 'thrice')).outcomes).toBe(3);
});
