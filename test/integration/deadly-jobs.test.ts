/** Jobs that kill every worker that runs them. */
import type { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { newBatchState } from '../../src/jobs/state/batch-state.js';
import { newPollState } from '../../src/jobs/state/poll-state.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import type { WorkerProcess } from '../helpers/worker-process.js';
import { AUTHORIZATION, createServer, LOGIN } from '../server/test-server.js';

/** Nothing arrives at Atlas until the test says so. */
const LATER = { completionMs: 3_600_000 };
/** Real ones, before the batch waits; `npm test` plants the first two. */
const KILLS = LONG ? 3 : 1;
const KILLS_TIMEOUT_MS = 120_000;
/** As often as a job's workers may die. */
const TOO_MANY_DEATHS = 6;

/** Makes a job one over which so many workers have died. */
async function markAsDeadly(
  system: System,
  queue: 'atlas-batches' | 'atlas-polls',
  jobId = '',
  deaths = TOO_MANY_DEATHS,
  waitedFor = deaths - 1,
): Promise<void> {
  const key = `${system.prefix}:${queue}:${jobId}`;
  const saved = await system.redis.hget(key, 'progress');
  const state = {
    ...(queue === 'atlas-batches' ? newBatchState(0, Date.now()) : newPollState(0, 2)),
    ...(saved && saved !== '0' && JSON.parse(saved)),
  };
  const lost = { stalls: deaths, holder: 'gone', suspects: [], deaths, waitedFor };
  await system.redis.hset(key, { progress: JSON.stringify({ ...state, lost }), stc: deaths });
}

/** Which of the living workers has the one job of a queue in its hands now. */
async function holderOf(
  queue: Queue,
  workers: readonly WorkerProcess[],
): Promise<WorkerProcess | undefined> {
  const [job] = await queue.getActive();
  const [, pid] = String(Object(job?.progress).lost?.holder).split(':');
  return workers.find((worker) => !worker.hasExited && worker.pid === Number(pid));
}

it('a batch that kills every worker before it has saved anything ends', async () => {
  const system = await startSystem();
  const request = await system.submit('deadly', 2);
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly');
  await system.startWorker();
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL', message: expect.stringContaining(`died ${TOO_MANY_DEATHS} times`) },
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
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly');
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

it('a batch that has killed too many workers leaves the line while its polls go on', async () => {
  const system = await startSystem({
    atlas: LATER,
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '2', ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' },
  });
  const { redis, prefix, batches, atlas } = system;
  const sent = () => atlas.uploads().flatMap(({ documentIds }) => documentIds);
  const lineOf = (count: number) =>
    waitUntil('a line', async () => (await redis.zcard(`${prefix}:gate-line`)) === count);
  await system.startWorker();
  await system.submit('occupying', 1, 'occupying-');
  await batchesInFlight(system);
  await system.submit('deadly', 2, 'deadly-');
  await lineOf(1);
  await system.submit('next', 1, 'next-');
  await lineOf(2);
  await waitUntil('two asleep', async () => (await batches.getDelayedCount()) === 2);
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly');
  const job = await batches.getJob('batch-deadly');
  await job?.promote();
  await waitUntil('one that waits', async () => (await job?.getState()) === 'waiting-children');
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix,
  });
  onTestFinished(() => client.close());
  await client.cancel('occupying', 'it takes room');
  await waitUntil('the next upload', () => sent().includes('next-001'));
  expect(sent()).not.toContain('deadly-002');
});

it.each([
  { polled: 'before its first poll', minMs: 1000 },
  { polled: 'after some polls', minMs: 50 },
])(
  'a poll job that kills every worker $polled ends, and so does its batch, which sends nothing again',
  async ({ minMs }) => {
    const system = await startSystem({
      atlas: LATER,
      environment: { POLL_MIN_MS: `${minMs}`, POLL_MAX_MS: '1000' },
    });
    await system.startWorker();
    const request = await system.submit('deadly', 2);
    const poll = await waitUntil('a poll that sleeps', async () => {
      const [found] = await system.pollJobs.getDelayed();
      return found && (minMs === 1000 || found.progress) ? found : null;
    });
    await markAsDeadly(system, 'atlas-polls', poll.id);
    const { name, data } = await system.event('done-deadly');
    expect(name).toBe('batch.failed');
    expect(data).toMatchObject({
      reason: {
        code: 'INTERNAL',
        message: expect.stringContaining(`died ${TOO_MANY_DEATHS} times`),
      },
      documents: { present: 0, missing: ['001', '002'] },
      results: [],
    });
    await allJobsEnded(system, 1);
    await expectAllEndedOnce(system, [request]);

    system.atlas.completeNow();
    await (await system.batches.getJob('batch-deadly'))?.retry('failed');
    expect((await system.event('done-deadly~2')).name).toBe('batch.completed');
    expect(system.atlas.uploads()).toHaveLength(1);
  },
);

/** What the status says, of the batch or of its upload, once one of their jobs waits. */
async function waitsFor(system: System): Promise<string> {
  const { REDIS_URL: redisUrl = '' } = system.environment;
  const client = createAtlasBatchClient({ redisUrl, prefix: system.prefix });
  onTestFinished(() => client.close());
  return waitUntil(
    'a batch that waits',
    async () => {
      const { lastError, uploads } = await client.status('deadly');
      const reasons = [lastError, ...uploads.map(({ reason }) => reason)];
      return reasons.find((reason) => reason?.code === 'INTERNAL')?.message;
    },
    KILLS_TIMEOUT_MS,
  );
}

/** Kills each worker that has the one job of a queue in its hands. */
async function killHolders(
  system: System,
  queue: Queue,
  workers: WorkerProcess[],
  kills = KILLS,
): Promise<void> {
  for (let killed = 0; killed < kills; killed += 1) {
    const holder = await waitUntil(
      'a worker that has it',
      () => holderOf(queue, workers),
      KILLS_TIMEOUT_MS,
    );
    await holder.kill();
    workers.push(await system.startWorkerProcess());
  }
}

it('workers that are killed over a batch are counted, and after the third it waits', {
  timeout: KILLS_TIMEOUT_MS,
}, async () => {
  const system = await startSystem();
  // The batch stays in the hands of its worker for as long as S3 does not answer.
  system.s3.setFaults({ rules: [{ endpoint: 'head', fault: 'hang' }] });
  await system.submit('deadly', 2);
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly', 3 - KILLS);
  // Two at a time: a worker counts as dead when others have seen it beat no more.
  const workers = [await system.startWorkerProcess(), await system.startWorkerProcess()];
  await killHolders(system, system.batches, workers);
  expect(await waitsFor(system)).toMatch(/^workers died 3 times .* tried again in 1 min/);
  expect(system.atlas.uploads()).toEqual([]);
});

/** A poll job that stays in the hands of its worker for as long as Atlas does not answer, and two workers. */
async function startDeadlyPoll(deaths: number) {
  const system = await startSystem({
    environment: {
      ATLAS_TIMEOUT_MS: `${KILLS_TIMEOUT_MS}`,
      ...{ POLL_MIN_MS: '2000', POLL_MAX_MS: '2000' },
    },
  });
  system.atlas.setFaults({ rules: [{ endpoint: 'extracts', fault: 'hang' }] });
  const workers = [await system.startWorkerProcess(), await system.startWorkerProcess()];
  await system.submit('deadly', 2);
  const poll = await waitUntil('a poll that sleeps', async () => {
    return (await system.pollJobs.getDelayed())[0];
  });
  await markAsDeadly(system, 'atlas-polls', poll.id, deaths, deaths);
  return { system, workers };
}

it('workers that are killed over a poll job are counted, and after the third it waits', {
  timeout: KILLS_TIMEOUT_MS,
}, async () => {
  const { system, workers } = await startDeadlyPoll(3 - KILLS);
  await killHolders(system, system.pollJobs, workers);
  expect(await waitsFor(system)).toMatch(/^workers died 3 times .* poll job .* in 1 min/);
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('a poll job ends with the sixth worker that is killed over it, and so does its batch', {
  timeout: KILLS_TIMEOUT_MS,
}, async () => {
  const { system, workers } = await startDeadlyPoll(TOO_MANY_DEATHS - 1);
  await killHolders(system, system.pollJobs, workers, 1);
  const { name, data } = await system.event('done-deadly', KILLS_TIMEOUT_MS);
  expect(name).toBe('batch.failed');
  expect(data.reason).toMatchObject({
    code: 'INTERNAL',
    message: expect.stringContaining(`died ${TOO_MANY_DEATHS} times`),
  });
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('after the third death a batch waits, and its status, its page, its log and a metric say why', async () => {
  const system = await startSystem();
  await system.submit('deadly', 2);
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly', 3);
  const worker = await system.startWorker();
  const redisUrl = system.environment.REDIS_URL ?? '';
  const client = createAtlasBatchClient({ redisUrl, prefix: system.prefix });
  onTestFinished(() => client.close());
  const status = await waitUntil('a batch that waits', async () => {
    const found = await client.status('deadly');
    return found.lastError ? found : undefined;
  });
  const says = 'workers died 3 times while they had this batch; it is tried again in 1 min';
  expect(status.lastError).toMatchObject({
    code: 'INTERNAL',
    message: expect.stringContaining(says),
  });
  const { logs } = await system.batches.getJobLogs('batch-deadly');
  expect(logs.join('\n')).toContain(says);
  const { server } = await createServer({ ...LOGIN, ...system.environment, PORT: '0' });
  const headers = { authorization: AUTHORIZATION };
  const { body } = await server.app.inject({ url: '/dashboard/batches/deadly', headers });
  expect(body).toMatch(new RegExp(`<div class="note error">.*INTERNAL.*${says}`));
  const text = await worker.metrics.registry.getSingleMetricAsString(
    'atlas_batch_deadly_jobs_total',
  );
  expect(text).toContain('kind="batch"} 1');
  const left = (await system.batches.getJob('batch-deadly'))?.delay ?? 0;
  expect(left).toBeGreaterThan(55_000);

  // Who wants it cancelled does not wait for that.
  await client.cancel('deadly', 'nobody wants it');
  expect((await system.event('done-deadly')).data.reason?.code).toBe('CANCELLED');
});
