import { Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Nothing arrives at Atlas until the test says so. */
const LATER = { completionMs: 3_600_000 };
/** As many as the processors let a job's workers die. */
const TOO_MANY_STALLS = 20;

/** The one poll job, while it sleeps. */
async function sleepingPoll({ pollJobs }: System) {
  return waitUntil('a poll that sleeps', async () => (await pollJobs.getDelayed())[0]);
}

async function jobKey(system: System, queue: string, jobId = ''): Promise<string> {
  const key = `${system.prefix}:${queue}:${jobId}`;
  expect(await system.redis.exists(key)).toBe(1);
  return key;
}

it.each([
  {
    by: 'job.remove()',
    remove: async (system: System) => (await sleepingPoll(system)).remove(),
  },
  {
    by: 'queue.drain(true)',
    remove: async (system: System) => {
      await sleepingPoll(system);
      await system.pollJobs.drain(true);
    },
  },
])('a batch is polled again when its poll job was removed by hand, by $by', async ({ remove }) => {
  const system = await startSystem({
    atlas: LATER,
    environment: { POLL_MIN_MS: '1000', POLL_MAX_MS: '1000' },
  });
  await system.startWorker();
  const request = await system.submit('swept', 3);
  await batchesInFlight(system);
  const { id, timestamp } = await sleepingPoll(system);
  await remove(system);
  const again = await waitUntil('the poll job again', () => system.pollJobs.getJob(id ?? ''));
  expect(again.timestamp).toBeGreaterThan(timestamp);

  system.atlas.completeNow();
  expect((await system.event('done-swept')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  await expectStoredAsAtlasHasIt(system, [request]);
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('an event is not added again that its consumer took and removed', async () => {
  const system = await startSystem();
  const taken: (string | undefined)[] = [];
  const consumer = new Worker(
    'atlas-completions',
    async (job) => {
      taken.push(job.id);
    },
    { connection: system.redis.duplicate({ maxRetriesPerRequest: null }), prefix: system.prefix },
  );
  consumer.on('completed', (job) => void job.remove());
  onTestFinished(() => consumer.close());
  await system.startWorker();
  await system.submit('taken', 2);
  await allJobsEnded(system, 1);
  await waitUntil('a taken event', async () => {
    return taken.length === 1 && !(await system.completions.getJob('done-taken'));
  });

  await (await system.batches.getJob('batch-taken'))?.retry('completed');
  await waitUntil('the end of the run that was asked for', async () => {
    const job = await system.batches.getJob('batch-taken');
    return job?.attemptsMade === 2 && job.finishedOn !== undefined;
  });
  expect((await system.batches.getJob('batch-taken'))?.returnvalue).toMatchObject({
    status: 'completed',
  });
  // Whatever a consumer still could be given would come before this.
  await system.submit('later', 1, 'later-');
  await waitUntil('a later event', () => taken.includes('done-later'));
  expect(taken).toEqual(['done-taken', 'done-later']);
  expect(system.atlas.uploads()).toHaveLength(2);
});

it('a batch whose state a newer version wrote is given back', async () => {
  const system = await startSystem();
  const request = await system.submit('newer', 2);
  const job = await system.batches.getJob('batch-newer');
  await job?.updateProgress({ v: 2, stages: [] });
  await system.startWorker();
  await waitUntil('a batch that was given back', async () => {
    return (await system.batches.getDelayedCount()) === 1;
  });
  expect((await system.batches.getJob('batch-newer'))?.progress).toEqual({ v: 2, stages: [] });
  expect(system.atlas.uploads()).toEqual([]);
  expect(await system.completions.count()).toBe(0);

  await job?.updateProgress(0);
  await (await system.batches.getJob('batch-newer'))?.promote();
  expect((await system.event('done-newer')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it('a poll job whose state a newer version wrote is given back', async () => {
  const system = await startSystem({
    atlas: LATER,
    environment: { POLL_MIN_MS: '1000', POLL_MAX_MS: '1000' },
  });
  await system.startWorker();
  const request = await system.submit('newer', 2);
  const poll = await waitUntil('a poll that has polled', async () => {
    const [found] = await system.pollJobs.getDelayed();
    return found?.progress ? found : null;
  });
  const { progress } = poll;
  await poll.updateProgress({ v: 2 });
  const polls = system.atlas.requests.count('extracts');
  await poll.promote();
  await waitUntil('a poll that was given back', async () => {
    const found = await system.pollJobs.getJob(poll.id ?? '');
    return (
      found !== undefined &&
      found.attemptsStarted > poll.attemptsStarted &&
      (await found.isDelayed())
    );
  });
  expect(system.atlas.requests.count('extracts')).toBe(polls);

  await poll.updateProgress(progress);
  system.atlas.completeNow();
  await (await system.pollJobs.getJob(poll.id ?? ''))?.promote();
  expect((await system.event('done-newer')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it('a batch that kills every worker before it has saved anything ends', async () => {
  const system = await startSystem();
  const request = await system.submit('deadly', 2);
  await system.redis.hset(
    await jobKey(system, 'atlas-batches', 'batch-deadly'),
    'stc',
    TOO_MANY_STALLS,
  );
  await system.startWorker();
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL', message: expect.stringContaining(`died ${TOO_MANY_STALLS} times`) },
    documents: { total: 2, present: 0, missing: ['001', '002'] },
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  expect(system.atlas.uploads()).toEqual([]);
});

it('a batch that kills every worker once its polls have ended ends with what they stored', async () => {
  const system = await startSystem({ atlas: LATER });
  await system.startWorker();
  const request = await system.submit('deadly', 2);
  await batchesInFlight(system);
  await system.redis.hset(
    await jobKey(system, 'atlas-batches', 'batch-deadly'),
    'stc',
    TOO_MANY_STALLS,
  );
  system.atlas.completeNow();
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL' },
    documents: { total: 2, present: 2, missing: [] },
    results: [expect.stringContaining('/deadly/')],
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);

  await (await system.batches.getJob('batch-deadly'))?.retry('failed');
  expect((await system.event('done-deadly~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
});

it.each([
  { polled: 'before its first poll', minMs: 1000 },
  { polled: 'after some polls', minMs: 50 },
])('a poll job that kills every worker $polled ends, and its batch goes on', async ({ minMs }) => {
  const system = await startSystem({
    atlas: LATER,
    environment: { POLL_MIN_MS: `${minMs}`, POLL_MAX_MS: '1000', RESUBMIT_MISSING: '0' },
  });
  await system.startWorker();
  const request = await system.submit('deadly', 2);
  const poll = await waitUntil('a poll that sleeps', async () => {
    const [found] = await system.pollJobs.getDelayed();
    return found && (minMs === 1000 || found.progress) ? found : null;
  });
  await system.redis.hset(await jobKey(system, 'atlas-polls', poll.id), 'stc', TOO_MANY_STALLS);
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL', message: expect.stringContaining(`died ${TOO_MANY_STALLS} times`) },
    documents: { present: 0, missing: ['001', '002'] },
    results: [],
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);

  system.atlas.completeNow();
  await (await system.batches.getJob('batch-deadly'))?.retry('failed');
  expect((await system.event('done-deadly~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
});
