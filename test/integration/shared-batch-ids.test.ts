import { expect, it } from 'vitest';
import { pollJobId } from '../../src/jobs/ids.js';
import { ownerKey } from '../../src/jobs/keys/redis-keys.js';
import type { AtlasRequestView, S3Target } from '../../src/simulator/index.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectStoredAsAtlasHasIt,
  stateOf,
} from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

it('an Atlas batch whose id a second upload of the same batch was given is polled again', async () => {
  const system = await startSystem({ environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '2' } });
  await system.startWorker();
  // Four uploads go out at once, the fifth when one of them was answered.
  const isFifth = ({ documentIds = [] }: AtlasRequestView) => documentIds.includes('009');
  system.atlas.setFaults({ rules: [{ fault: 'same-batch-id', times: 1, match: isFifth }] });
  const request = await system.submit('doubled', 10);
  const { name, data } = await system.event('done-doubled');
  expect(system.atlas.faultsFired()).toEqual({ 'same-batch-id': 1 });
  expect(name).toBe('batch.completed');
  expect(data.documents).toMatchObject({ total: 10, present: 10, missing: [] });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  await expectStoredAsAtlasHasIt(system, [request]);
  await expectFewSubmissions(system, [request]);
});

it('an Atlas batch that has ended is polled again once for two uploads that were given its id', async () => {
  const system = await startSystem();
  await system.startWorker({ ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1', RESUBMIT_MISSING: '1' });
  const isLater = ({ documentIds = [] }: AtlasRequestView) => (documentIds[0] ?? '') > '001';
  system.atlas.setFaults({ rules: [{ fault: 'same-batch-id', match: isLater }] });
  // Atlas fetches them for long enough to take the first one first.
  const isLaterScan = ({ key }: S3Target) => /00[23]/.test(key);
  system.s3.setFaults({
    rules: [{ endpoint: 'get', fault: 'slow', delayMs: 1000, match: isLaterScan }],
  });
  const request = await system.submit('tripled', 3);
  expect((await system.event('done-tripled')).data).toMatchObject({
    reason: { code: 'INCOMPLETE' },
    documents: { missing: ['002', '003'] },
  });
  const { uploads, unexpectedErrors } = await stateOf(system, 'tripled');
  const runs = uploads.map((upload) =>
    'expectedPollRuns' in upload ? upload.expectedPollRuns : 0,
  );
  expect(runs).toEqual([1, 1, 1, 2, 2]);
  expect(unexpectedErrors).toBe(0);
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it.each([
  { other: 'is in flight', completionMs: 3_600_000 },
  { other: 'has ended', completionMs: 50 },
])(
  'an upload is refused that got the id of an Atlas batch whose own batch $other',
  async ({ completionMs }) => {
    const system = await startSystem({ atlas: { completionMs } });
    await system.startWorker();
    const owner = await system.submit('owner', 2, 'owner-');
    if (completionMs === 50) await system.event('done-owner');
    else await batchesInFlight(system);

    system.atlas.setFaults({ rules: [{ fault: 'same-batch-id' }] });
    const second = await system.submit('second', 2, 'second-');
    const { name, data } = await system.event('done-second');
    expect(name).toBe('batch.failed');
    const [{ batchId } = { batchId: '' }] = system.atlas.uploads();
    expect(data).toMatchObject({
      reason: { code: 'ATLAS_PROTOCOL', message: expect.stringContaining(batchId) },
      documents: { present: 0 },
      results: [],
    });

    system.atlas.clearFaults();
    system.atlas.completeNow();
    expect((await system.event('done-owner')).name).toBe('batch.completed');
    await allJobsEnded(system, 2);
    await expectAllEndedOnce(system, [owner, second]);
    await expectStoredAsAtlasHasIt(system, [owner, second]);

    await (await system.batches.getJob('batch-second'))?.retry('failed');
    await waitUntil('the second batch at Atlas', () => system.atlas.uploads().length === 2);
    system.atlas.completeNow();
    expect((await system.event('done-second~2')).name).toBe('batch.completed');
    await allJobsEnded(system, 2);
    await expectStoredAsAtlasHasIt(system, [owner, second]);
  },
);

it('one upload with the id of another Atlas batch is refused, and what the others bring is stored', async () => {
  const system = await startSystem({ atlas: { completionMs: 3_600_000 } });
  await system.startWorker({ ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' });
  const isLast = ({ documentIds = [] }: AtlasRequestView) => documentIds.includes('second-002');
  system.atlas.setFaults({ rules: [{ fault: 'same-batch-id', match: isLast }] });
  // Atlas fetches it for long enough to take the other batch first.
  const isItsScan = ({ key }: S3Target) => key.includes('second-002');
  system.s3.setFaults({
    rules: [{ endpoint: 'get', fault: 'slow', delayMs: 2000, match: isItsScan }],
  });
  const second = await system.submit('second', 2, 'second-');
  await waitUntil('the first upload', () => system.atlas.uploads().length === 1);
  const owner = await system.submit('owner', 1, 'owner-');
  await batchesInFlight(system, 2);
  expect(system.atlas.faultsFired()).toEqual({ 'same-batch-id': 1 });
  const batchId = system.atlas.uploads()[1]?.batchId ?? '';
  system.atlas.completeNow();
  const { name, data } = await system.event('done-second');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'ATLAS_PROTOCOL', message: expect.stringContaining(batchId) },
    documents: { present: 1 },
  });
  expect((await system.event('done-owner')).name).toBe('batch.completed');
  await allJobsEnded(system, 2);
  await expectAllEndedOnce(system, [owner, second]);
  await expectStoredAsAtlasHasIt(system, [owner, second]);
});

it("a batch takes nothing of an Atlas batch that was another's, also when its poll has ended before anybody asked", async () => {
  const system = await startSystem({ atlas: { completionMs: 3_600_000 } });
  await system.startWorker();
  const request = await system.submit('second', 2);
  await batchesInFlight(system, 1);
  // As when the worker that added the poll job had died before it asked.
  const batchId = system.atlas.uploads()[0]?.batchId ?? '';
  await system.redis.set(ownerKey(system.prefix, batchId), '1 owner', 'EX', 600);
  system.atlas.completeNow();
  const { name, data } = await system.event('done-second');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'ATLAS_PROTOCOL', message: expect.stringContaining(batchId) },
    documents: { present: 0 },
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it("a batch leaves no poll of an Atlas batch that was another's, also when it is being polled as that is found", async () => {
  const system = await startSystem({ atlas: { completionMs: 3_600_000 } });
  await system.startWorker({
    ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '2',
    ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1',
  });
  const filler = await system.submit('filler', 1, 'filler-');
  await batchesInFlight(system, 1);
  const isPollOfSecond = ({ batchId }: AtlasRequestView) =>
    batchId === system.atlas.uploads()[1]?.batchId;
  const isLast = ({ documentIds = [] }: AtlasRequestView) => documentIds.includes('second-002');
  system.atlas.setFaults({
    rules: [
      { endpoint: 'extracts', fault: 'slow', delayMs: 3000, match: isPollOfSecond },
      { endpoint: 'multiupload', fault: 422, match: isLast },
    ],
  });
  const second = await system.submit('second', 2, 'second-');
  const polled = await waitUntil('a poll that takes long', async () => {
    const job = await system.pollJobs.getJob(pollJobId(system.atlas.uploads()[1]?.batchId ?? ''));
    return (await job?.isActive()) ? job : undefined;
  });
  // As when the worker that added the poll job had died before it asked.
  const { atlasBatchId } = polled.data;
  await system.redis.set(ownerKey(system.prefix, atlasBatchId), '1 owner', 'EX', 600);
  // Now there is room for the other upload of the batch. It is refused, so that nothing is left to wait for.
  system.atlas.completeNow(system.atlas.uploads()[0]?.batchId);
  await system.event('done-filler');
  expect((await system.event('done-second')).data).toMatchObject({
    reason: { code: 'ATLAS_PROTOCOL', message: expect.stringContaining(atlasBatchId) },
    documents: { present: 0 },
  });
  // The event goes out before its batch's job ends.
  await allJobsEnded(system, 2);
  await expectAllEndedOnce(system, [filler, second]);
});

it("a batch with an upload that got the id of another's ends, and frees its room, also while its others are in line", async () => {
  const system = await startSystem({
    atlas: { completionMs: 50 },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1' },
  });
  await system.startWorker();
  const owner = await system.submit('owner', 1, 'owner-');
  await system.event('done-owner');
  system.atlas.setFaults({ rules: [{ fault: 'same-batch-id', times: 1 }] });
  const second = await system.submit('second', 2, 'second-');
  expect((await system.event('done-second')).data.reason?.code).toBe('ATLAS_PROTOCOL');
  const third = await system.submit('third', 1, 'third-');
  expect((await system.event('done-third')).name).toBe('batch.completed');
  await allJobsEnded(system, 3);
  await expectAllEndedOnce(system, [owner, second, third]);
});
