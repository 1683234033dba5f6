import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const MISSING = 'partial-002';

it('only the newest of completed batches and taken events are kept, and all of the others', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === MISSING },
    environment: { KEEP_COMPLETED_COUNT: '2', BATCH_DEADLINE_MS: '1500', RESUBMIT_MISSING: '0' },
  });
  const { batches, completions } = system;
  await system.startWorker();
  await system.submit('partial', 2, 'partial-');
  await system.event('done-partial');
  for (const reference of ['a', 'b', 'c', 'd']) {
    await system.submit(reference, 1);
    await system.event(`done-${reference}`);
    await waitUntil('its end', async () => !(await batches.getActiveCount()));
  }
  const ids = async (jobs: Promise<{ id?: string | undefined }[]>) =>
    (await jobs).map(({ id }) => id);
  await waitUntil('the removal', async () => (await batches.getCompletedCount()) === 2);
  expect(await ids(batches.getCompleted())).toEqual(['batch-d', 'batch-c']);
  expect(await ids(batches.getFailed())).toEqual(['batch-partial']);
  expect(await completions.getWaitingCount()).toBe(5);

  const consumer = new Worker('atlas-completions', async () => {}, {
    connection: system.redis,
    prefix: system.prefix,
  });
  onTestFinished(() => consumer.close());
  await waitUntil('all events taken', async () => !(await completions.count()));
  await waitUntil('the last one', async () => !(await completions.getActiveCount()));
  await waitUntil('the removal', async () => (await completions.getCompletedCount()) === 2);
  expect(await ids(completions.getCompleted())).toEqual(['done-d', 'done-c']);
});

it('ended batches are removed when their time is over, also when no other batch ends', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === MISSING },
    environment: { BATCH_DEADLINE_MS: '1500', RESUBMIT_MISSING: '0' },
  });
  await system.startWorker({ KEEP_COMPLETED_SECONDS: '2', KEEP_FAILED_SECONDS: '2' });
  await system.submit('whole', 1);
  await system.submit('partial', 2, 'partial-');
  await system.event('done-whole');
  await system.event('done-partial');
  await waitUntil('the removal of all', async () => {
    const [batches, polls] = await Promise.all([
      system.batches.getJobCounts(),
      system.pollJobs.getJobCounts(),
    ]);
    return Object.values({ ...batches, more: polls.failed }).every((count) => count === 0);
  });
});

it('more completed batches than may be kept are removed in steps of a thousand', async () => {
  const system = await startSystem();
  const { batches, redis } = system;
  const jobs = Array.from({ length: 2500 }, (_, i) => ({
    name: 'batch',
    data: {},
    opts: { jobId: `batch-${i}` },
  }));
  await batches.addBulk(jobs);
  await redis.del(batches.toKey('wait'));
  const scores = jobs.flatMap(({ opts }, i) => [Date.now() - 10_000 + i, opts.jobId]);
  await redis.zadd(batches.toKey('completed'), ...scores);
  await system.startWorker({ KEEP_COMPLETED_COUNT: '10' });
  await waitUntil('the removal', async () => (await batches.getCompletedCount()) === 10);
  expect(await batches.getJob('batch-0')).toBeUndefined();
  expect(await batches.getJob('batch-2499')).toBeDefined();
  const entries = await redis.xrange(batches.toKey('events'), '-', '+');
  const removed = entries.flatMap(([, fields]) =>
    fields[1] === 'cleaned' ? [Number(fields.at(-1))] : [],
  );
  expect(removed).toEqual([1000, 1000, 490]);
});

it('a worker that is to keep fewer batches starts on a Redis that is full of them', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  const system = await startSystem({ redisUrl: server.url });
  const { batches, redis } = system;
  const data = { scan: 'x'.repeat(2000) };
  const jobs = Array.from({ length: 2500 }, (_, i) => ({
    name: 'batch',
    data,
    opts: { jobId: `batch-${i}` },
  }));
  await batches.addBulk(jobs);
  await redis.del(batches.toKey('wait'));
  const scores = jobs.flatMap(({ opts }, i) => [Date.now() - 10_000 + i, opts.jobId]);
  await redis.zadd(batches.toKey('completed'), ...scores);
  const [, used] = /^used_memory:(\d+)/m.exec(await admin.info('memory')) ?? [];
  await admin.config('SET', 'maxmemory', String(Number(used) - 500_000));
  await expect(redis.set('x', '1')).rejects.toThrow(/OOM/);

  await system.startWorker({ KEEP_COMPLETED_COUNT: '10' });
  expect(await batches.getCompletedCount()).toBe(10);
  await system.submit('next', 1);
  expect((await system.event('done-next')).data.status).toBe('completed');
});

it.each(['delayed', 'active'] as const)(
  'an event that nobody takes any more is removed when it is %s',
  async (state) => {
    const system = await startSystem();
    const { completions, redis, prefix } = system;
    await completions.add('batch.completed', {} as never, { jobId: 'done-x', attempts: 5 });
    const consumer = new Worker('atlas-completions', null, { connection: redis, prefix });
    onTestFinished(() => consumer.close());
    const job = await consumer.getNextJob('token');
    if (state === 'delayed') await job?.moveToDelayed(Date.now() + 3_600_000, 'token');
    else await redis.del(`${completions.toKey('done-x')}:lock`);
    expect(await completions.getJobState('done-x')).toBe(state);
    await system.startWorker({ COMPLETIONS_TTL_MS: '1000' });
    await waitUntil('the removal', async () => !(await completions.getJob('done-x')));
  },
);

it('an event that nobody takes is removed also where somebody has given it a priority, or paused the queue', async () => {
  const system = await startSystem();
  const { completions } = system;
  await completions.pause();
  for (const [jobId, priority] of Object.entries({ 'done-x': 5, 'done-y': 0 }))
    await completions.add('batch.completed', {} as never, { jobId, priority });
  expect(await completions.getJobState('done-x')).toBe('prioritized');
  await system.startWorker({ COMPLETIONS_TTL_MS: '1000' });
  for (const id of ['done-x', 'done-y'])
    await waitUntil('the removal', async () => !(await completions.getJob(id)));
});

it('the poll jobs of a batch that completed are pruned, and those of one that failed are kept', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === MISSING },
    environment: {
      ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '2',
      BATCH_DEADLINE_MS: '1500',
      RESUBMIT_MISSING: '0',
      KEEP_COMPLETED_SECONDS: '100',
      KEEP_FAILED_SECONDS: '1000',
    },
  });
  const { redis, prefix, pollJobs } = system;
  await system.startWorker();
  await system.submit('whole', 6, 'whole-');
  await system.submit('partial', 2, 'partial-');
  const whole = (await system.event('done-whole')).data;
  const partial = (await system.event('done-partial')).data;
  await allJobsEnded(system, 2);

  expect(whole.batchIds).toHaveLength(3);
  const kept = await waitUntil('the polls that are kept', async () => {
    const jobs = await pollJobs.getJobs();
    return jobs.length === 1 ? jobs : null;
  });
  const { timestamp } = (await system.batches.getJob('batch-whole')) ?? {};
  for (const batchId of whole.batchIds) {
    const { logs } = await pollJobs.getJobLogs(`poll-${batchId}`);
    expect(logs.join()).toContain('complete after');
    const logsTtl = await redis.ttl(`${pollJobs.toKey(`poll-${batchId}`)}:logs`);
    expect([logsTtl > 0, logsTtl <= 100]).toEqual([true, true]);
    expect(await redis.get(`${prefix}:owner:${batchId}`)).toBe(`${timestamp} whole`);
    const ownerTtl = await redis.ttl(`${prefix}:owner:${batchId}`);
    expect([ownerTtl > 990, ownerTtl <= 1002]).toEqual([true, true]);
  }
  expect(kept.map(({ id }) => id)).toEqual([`poll-${partial.batchIds[0]}`]);
  const hashes = await redis.keys(`${prefix.replace(/[{}]/g, '?')}:atlas-polls:poll-*`);
  expect(hashes.filter((key) => !key.endsWith(':logs'))).toEqual([
    pollJobs.toKey(`poll-${partial.batchIds[0]}`),
  ]);
});
