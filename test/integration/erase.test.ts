import { Queue } from 'bullmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openQueues } from '../../src/batches/client-queues.js';
import { eraseBatch } from '../../src/batches/erase/erase-batch.js';
import { loadConfig } from '../../src/config/environment.js';
import { erasedDigest } from '../../src/jobs/erased.js';
import { deniedObjectsKey } from '../../src/jobs/keys/reading-keys.js';
import { openLink } from '../../src/redis/client-link.js';
import { RedisConnection } from '../../src/redis/connection/connection.js';
import { startS3Simulator } from '../../src/simulator/index.js';
import { createResultsEraser } from '../../src/storage/results/erase-results.js';
import { sweepLateResults } from '../../src/workers/maintenance/sweep-late-results.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { connectionTo } from '../helpers/redis.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { SILENT } from '../server/test-server.js';

/**
 * It erases as every front does.
 * @param meanwhile Done when Redis was searched for it once, and is searched again.
 */
function openEraser({ environment, prefix, s3 }: System, meanwhile = async () => {}) {
  const link = openLink(connectionTo(environment.REDIS_URL ?? ''));
  const queues = openQueues(link, prefix);
  const { url: endpoint, region, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  const eraser = createResultsEraser({
    forcePathStyle: true,
    clientConfig: { endpoint, region, credentials },
  });
  onTestFinished(async () => {
    await queues.close();
    link.close();
    eraser.close();
  });
  const scan = link.redis.scan.bind(link.redis) as (...args: unknown[]) => Promise<unknown>;
  let searches = 0;
  const scanAfter = async (...[cursor, ...rest]: unknown[]) => {
    if (cursor === '0') searches += 1;
    if (cursor === '0' && searches === 2) await meanwhile();
    return scan(cursor, ...rest);
  };
  Object.assign(link.redis, { scan: scanAfter });
  return (reference: string, tenant?: string) => eraseBatch(queues, reference, { eraser, tenant });
}

async function startVersionedS3() {
  const s3 = await startS3Simulator({
    accessKeyId: 'test-key',
    secretAccessKey: 'test-secret',
    versioned: true,
  });
  onTestFinished(() => s3.stop());
  return s3;
}

/** The batch job's end is a moment after its event. */
async function hasEnded({ batches }: System, reference: string): Promise<void> {
  await waitUntil('the end of the batch', async () => {
    return (await batches.getJob(`batch-${reference}`))?.finishedOn !== undefined;
  });
}

async function expectNothingOf(system: System, text: string): Promise<void> {
  expect(await dumpRedis(system.redis, system.prefix)).not.toContain(text);
  const { RESULTS_BUCKET: bucket = '' } = system.environment;
  expect(system.s3.versions(bucket).filter(({ key }) => key.includes(text))).toEqual([]);
}

it('an erased batch leaves nothing in Redis and no version of its results in S3, and others stay', async () => {
  const receiver = await startReceiver(() => ({ status: 410 }));
  const system = await startSystem({
    s3: await startVersionedS3(),
    environment: {
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
      BATCH_DEADLINE_MS: '2000',
      RESUBMIT_MISSING: '0',
    },
    atlas: { completionMs: ({ documentId }) => (documentId.startsWith('never') ? 60_000 : 100) },
  });
  const erase = openEraser(system);
  const worker = await system.startWorker();
  const request = await system.request('gone-1', 3, 'gone-1-doc-');
  // One document never comes: the batch is failed, retried, and has two events.
  request.documents[2] = { bucket: 'kyc-documents', key: 'x', documentId: 'never-gone-1' };
  await system.s3.put('kyc-documents', 'x', 'scan');
  await system.add(request);
  await system.submit('gone-10', 2);
  await system.event('done-gone-1');
  await hasEnded(system, 'gone-1');
  await (await system.batches.getJob('batch-gone-1'))?.retry();
  await system.event('done-gone-1~2');
  await system.event('done-gone-10');
  for (const reference of ['gone-1', 'gone-10']) await hasEnded(system, reference);
  await receiver.delivery(3);
  // A retried batch stores its results again: there are versions of them.
  const bucket = system.environment.RESULTS_BUCKET ?? '';
  expect(system.s3.versions(bucket, 'gone-1/').length).toBeGreaterThan(1);
  const job = await system.batches.getJob('batch-gone-1');
  await system.redis.set(`${system.prefix}:receipt:gone-1:nonce`, '{}');
  const asked = '["kyc-documents","gone-1/001.jpg"]';
  await system.redis.zadd(deniedObjectsKey(system.prefix), Date.now(), asked);
  await system.redis.hset(`${system.prefix}:bulk:1`, {
    order: '{"which":"text gone-1"}',
    state: 'done',
  });
  await system.redis.hset(`${system.prefix}:bulk:2`, {
    order: '{"which":"gone-10"}',
    state: 'done',
  });
  await system.redis.zadd(`${system.prefix}:begun`, 1, 'batch-gone-1');
  await system.redis.sadd(`${system.prefix}:receipts-wanted:w`, 'nonce gone-1', 'nonce gone-10');

  const { status, certificate } = await erase('gone-1');
  expect(status).toBe('erased');
  expect(certificate).toMatchObject({
    addedAt: new Date(job?.timestamp ?? 0).toISOString(),
    digest: erasedDigest('gone-1', job?.timestamp ?? 0),
  });
  expect(JSON.stringify(certificate)).not.toContain('gone-1');
  expect(certificate?.removed.objectVersions).toBeGreaterThan(1);
  // The batch, its two poll jobs, two events, and both for the webhook.
  expect(certificate?.removed.jobs).toBe(7);
  const dump = await dumpRedis(system.redis, system.prefix);
  expect(dump.match(/gone-1(?![0])[^"\\]*/g)).toBeNull();
  expect(dump).toContain('gone-10');
  const left = system.s3.versions(bucket).map(({ key }) => key.split('/')[0]);
  expect([...new Set(left)]).toEqual(['gone-10']);
  expect(await erase('gone-1')).toEqual({
    status: 'unknown',
    reference: 'gone-1',
    certificate: null,
  });

  // The worker goes on, and the reference may be used again.
  await system.add({ ...request, documents: request.documents.slice(0, 1) });
  await system.event('done-gone-1');
  await worker.stop();
});

it('a batch of a tenant is erased without what others have left under its reference', async () => {
  const receiver = await startReceiver(() => ({ status: 410 }));
  const system = await startSystem({
    s3: await startVersionedS3(),
    environment: {
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    },
  });
  const erase = openEraser(system);
  await system.startWorker();
  const request = await system.request('shared', 1);
  await system.add({ ...request, tenant: 'b' });
  const ofB = await system.event('done-shared');
  await hasEnded(system, 'shared');
  expect(await erase('shared', 'a')).toMatchObject({ status: 'unknown', certificate: null });
  // It is no longer kept: others may use its reference.
  await system.redis.unlink(`${system.prefix}:atlas-batches:batch-shared`);
  await system.redis.zrem(`${system.prefix}:atlas-batches:completed`, 'batch-shared');
  await receiver.delivery(1);
  const { RESULTS_BUCKET: bucket = '' } = system.environment;
  const results = system.s3.versions(bucket, 'shared/');
  const before = await dumpRedis(system.redis, system.prefix);
  await system.add({ ...request, tenant: 'a' });
  const { data: ofA } = await system.event('done-shared~2');
  await hasEnded(system, 'shared');
  await receiver.delivery(2);

  const { certificate } = await erase('shared', 'a');
  expect(certificate?.removed).toMatchObject({ objectVersions: 1 });
  expect(system.s3.versions(bucket, 'shared/')).toEqual(results);
  const dump = await dumpRedis(system.redis, system.prefix);
  for (const text of ['done-shared~2', ofA.batchIds[0], ofA.eventId])
    expect(dump).not.toContain(text);
  // Its event, that for the webhook, and its outcome.
  const { eventId } = ofB.data;
  expect(dump.split(String(eventId)).length).toBe(before.split(String(eventId)).length);
  expect(await system.completions.getJob('done-shared')).toMatchObject({ data: { eventId } });
});

it('a batch that is added while an earlier one of its reference is erased stays', async () => {
  const system = await startSystem({ s3: await startVersionedS3() });
  const request = await system.request('again', 1);
  const { RESULTS_BUCKET: bucket = '' } = system.environment;
  let eventId: string | null = null;
  const erase = openEraser(system, async () => {
    await system.add(request);
    eventId = (await system.event('done-again')).data.eventId;
    await hasEnded(system, 'again');
  });
  await system.startWorker();
  await system.add(request);
  await system.event('done-again');
  await hasEnded(system, 'again');
  const earlier = system.s3.versions(bucket, 'again/');

  expect((await erase('again')).certificate?.removed).toMatchObject({ objectVersions: 1 });
  const left = system.s3.versions(bucket, 'again/');
  expect([left.length, left[0]?.key === earlier[0]?.key]).toEqual([1, false]);
  expect(await (await system.batches.getJob('batch-again'))?.isCompleted()).toBe(true);
  expect(await system.completions.getJob('done-again')).toMatchObject({ data: { eventId } });
  const outcomes = await system.redis.xrange(`${system.prefix}:outcomes`, '-', '+');
  expect(outcomes.map(([, fields]) => fields.includes(String(eventId)))).toEqual([true]);
});

it('a batch that runs is not erased, and keeps its Atlas batch when one is that got its id too', async () => {
  const system = await startSystem({ atlas: { completionMs: 60_000 } });
  const erase = openEraser(system);
  await system.startWorker();
  await system.submit('running', 1);
  await waitUntil('its poll', async () => (await system.pollJobs.getJobCountByTypes()) > 0);
  system.atlas.setFaults({ rules: [{ fault: 'same-batch-id' }] });
  // A bucket of the simulator is there when something is in it.
  await system.s3.put(system.environment.RESULTS_BUCKET ?? '', 'other', '');
  await system.submit('refused', 1);
  await system.event('done-refused');
  await hasEnded(system, 'refused');
  expect((await erase('refused')).status).toBe('erased');
  expect(await system.pollJobs.getJobCountByTypes()).toBe(1);
  expect(await erase('running')).toEqual({
    status: 'running',
    reference: 'running',
    certificate: null,
  });
  expect(await system.batches.getJob('batch-running')).toBeDefined();
});

it('a batch that a worker ended by a clock that is ahead leaves nothing', async () => {
  const system = await startSystem();
  const erase = openEraser(system);
  const { time } = RedisConnection.prototype;
  // What a way to Redis does that takes a request slowly, and brings the reply at once.
  const slowWay = vi.spyOn(RedisConnection.prototype, 'time').mockImplementation(async function (
    this: RedisConnection,
  ) {
    const [seconds, microseconds] = await time.call(this);
    return [Number(seconds) + 60, Number(microseconds)];
  });
  await system.startWorker();
  slowWay.mockRestore();
  await system.submit('ahead', 1);
  await system.event('done-ahead');
  await hasEnded(system, 'ahead');
  expect((await erase('ahead')).status).toBe('erased');
  await expectNothingOf(system, 'ahead');
});

it('nothing is changed when S3 does not let the results be removed, and the batch can be erased later', async () => {
  const system = await startSystem();
  const erase = openEraser(system);
  await system.startWorker();
  await system.submit('denied', 1);
  await system.event('done-denied');
  await hasEnded(system, 'denied');
  system.s3.setFaults({ rules: [{ endpoint: 'list-versions', fault: 'AccessDenied' }] });
  await expect(erase('denied')).rejects.toThrow(
    /cannot list the versions below s3:\/\/results\/denied\/: AccessDenied; the role needs s3:ListBucketVersions/,
  );
  expect(await (await system.batches.getJob('batch-denied'))?.isCompleted()).toBe(true);
  system.s3.setFaults({ rules: [{ endpoint: 'delete', fault: 'AccessDenied' }] });
  await expect(erase('denied')).rejects.toThrow(
    /cannot delete s3:\/\/results\/denied\/.*s3:DeleteObjectVersion/,
  );
  system.s3.setFaults({ rules: [] });
  expect((await erase('denied')).status).toBe('erased');
  await expectNothingOf(system, 'denied');
});

it('a batch that is erased while its webhook is on its way leaves nothing', async () => {
  const receiver = await startReceiver(() => 'none until released');
  const system = await startSystem({
    environment: {
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    },
  });
  const erase = openEraser(system);
  const worker = await system.startWorker();
  await system.submit('hooked', 1);
  await receiver.delivery(1);
  await hasEnded(system, 'hooked');
  expect((await erase('hooked')).status).toBe('erased');
  await expectNothingOf(system, 'hooked');
  receiver.release();
  // Its worker ends in order, and has nothing to write of it.
  await worker.stop();
  await expectNothingOf(system, 'hooked');
  const webhooks = new Queue('atlas-webhooks', { connection: system.redis, prefix: system.prefix });
  expect(await webhooks.getJobCounts('active', 'wait', 'delayed', 'failed')).toEqual({
    active: 0,
    wait: 0,
    delayed: 0,
    failed: 0,
  });
});

it('a result that a frozen worker stored after its erase is erased by it, or by others when it dies', {
  timeout: 90_000,
}, async () => {
  const system = await startSystem({ s3: await startVersionedS3(), atlas: { completionMs: 0 } });
  const erase = openEraser(system);
  let arrive = () => {};
  const until = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  // Its result arrives after all that follows.
  system.s3.setFaults({ rules: [{ endpoint: 'put', fault: 'late', times: 1, until }] });
  const frozen = await system.startWorkerProcess();
  await system.submit('frozen', 2);
  await waitUntil('the first result', () => system.s3.faultsFired().late === 1);
  frozen.signal('SIGSTOP');
  const successor = await system.startWorker();
  await system.event('done-frozen', 40_000);
  await hasEnded(system, 'frozen');
  await successor.stop();
  expect((await erase('frozen')).status).toBe('erased');
  await expectNothingOf(system, 'frozen');

  // Its reference is used again, by a batch that only the frozen worker is there for.
  await system.submit('frozen', 1);
  arrive();
  const bucket = system.environment.RESULTS_BUCKET ?? '';
  const keys = () => system.s3.versions(bucket, 'frozen/').map(({ key }) => key);
  const [late = ''] = await waitUntil('the late result', () => keys().length > 0 && keys());
  // Those who live erase it, for the worker may die before it does.
  const config = loadConfig(system.environment);
  const clock = { now: () => Date.now() };
  await sweepLateResults({ redis: system.redis, config, clock, logger: SILENT }, 0);
  expect(keys()).toEqual([]);
  await system.s3.put(bucket, late, 'as if they had come too early');
  frozen.signal('SIGCONT');
  const { data } = await system.event('done-frozen');
  await waitUntil('what came back to be erased again', () => {
    return keys().join() === `frozen/${data.batchIds.join()}.json`;
  });
  frozen.signal('SIGTERM');
  expect(await frozen.exited).toBe(0);
  expect((await erase('frozen')).status).toBe('erased');
  await expectNothingOf(system, 'frozen');
});
