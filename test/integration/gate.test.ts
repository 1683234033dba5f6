/** Uploads wait for their turn: documents at Atlas are limited, whoever sends them. */
import { expect, it, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/index.js';
import { gateKeys } from '../../src/jobs/redis-keys.js';
import { runCli } from '../cli/run-cli.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import {
  expectAllEndedOnce,
  expectNoStrayKeys,
  expectStoredAsAtlasHasIt,
} from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Every document of a batch is there after this time at Atlas. */
const COMPLETION_MS = 300;
const LIMIT = 6;
const ENVIRONMENT = { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(LIMIT) };

/** Documents that Atlas has had at work at once. */
function mostAtOnce({ atlas }: System): number {
  const uploads = atlas.uploads();
  return Math.max(
    ...uploads.map(({ at }) =>
      uploads
        .filter((other) => other.at <= at && at < other.at + COMPLETION_MS)
        .reduce((sum, { documentIds }) => sum + documentIds.length, 0),
    ),
  );
}

/** Nothing is in flight or in line any more. */
async function gateEmpty({ redis, prefix }: System): Promise<void> {
  const own = gateKeys(prefix).filter((key) => key.startsWith(`${prefix}:gate-`));
  await waitUntil('an empty gate', async () => (await redis.exists(own)) === 0);
}

async function submitAll(system: System, sizes: readonly number[]) {
  return Promise.all(sizes.map((size, n) => system.submit(`b${n}`, size, `b${n}-`)));
}

it('Atlas has no more documents than ATLAS_MAX_DOCUMENTS_IN_FLIGHT at once, and every batch ends', async () => {
  const system = await startSystem({
    atlas: { completionMs: COMPLETION_MS },
    environment: ENVIRONMENT,
  });
  // One that needs three uploads, of which two fill Atlas alone, among many small ones.
  const requests = await submitAll(system, [1, 2, 3, 15, 1, 2, 3, 1, 1, 2, 6, 4, 1, 1, 2, 3]);
  await Promise.all([system.startWorker(), system.startWorker()]);
  await allJobsEnded(system, requests.length);
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
  expect(mostAtOnce(system)).toBeLessThanOrEqual(LIMIT);
  expect(Math.max(...system.atlas.uploads().map(({ documentIds }) => documentIds.length))).toBe(
    LIMIT,
  );
  await gateEmpty(system);
  await expectNoStrayKeys(system);
});

it('a batch in line is cancelled at once, and so is one of which a part is at Atlas', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: ENVIRONMENT,
  });
  await system.startWorker();
  const { batches } = system;
  await system.submit('first', LIMIT + 1, 'first-');
  await waitUntil(
    'a batch of which a part is in line',
    async () => (await batches.getDelayedCount()) === 1,
  );
  await system.submit('second', 1, 'second-');
  await waitUntil('two batches in line', async () => (await batches.getDelayedCount()) === 2);
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  await client.cancel('second', 'not wanted');
  expect((await system.event('done-second')).data.reason?.code).toBe('CANCELLED');
  await client.cancel('first', 'not wanted');
  expect((await system.event('done-first')).data.reason?.code).toBe('CANCELLED');
  await client.close();
  await gateEmpty(system);
});

it('an urgent batch goes before a flood of bulk ones, and its event repeats its metadata', async () => {
  const system = await startSystem({
    atlas: { completionMs: COMPLETION_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '2' },
  });
  const bulk = await Promise.all(
    Array.from({ length: 30 }, (_, n) => system.request(`bulk-${n}`, 1, `bulk-${n}-`)),
  );
  for (const request of bulk) await system.add({ ...request, priority: 'bulk' });
  const urgent = await system.request('now', 1, 'now-');
  const metadata = { loan: '8841' };
  // A priority of BullMQ's own is seen, and decides nothing once a worker has taken the job.
  await system.batches.add(
    'batch',
    { ...urgent, priority: 'urgent', tenant: 'branch-12', metadata },
    { jobId: 'batch-now', priority: 9 },
  );
  await system.startWorker();
  await waitUntil('a line', async () => (await system.batches.getDelayedCount()) > 20);
  const sentBefore = system.atlas.uploads().length;
  const { data } = await system.event('done-now');
  expect(data.metadata).toEqual(metadata);
  const place = system.atlas
    .uploads()
    .findIndex(({ documentIds }) => documentIds.includes('now-001'));
  // Those that were admitted when it came, and those of which the intake took the room meanwhile.
  expect(place).toBeLessThan(sentBefore + 8);
  await allJobsEnded(system, 31);
  expect((await system.batches.getJob('batch-now'))?.returnvalue).not.toHaveProperty('metadata');
  await gateEmpty(system);
});

it.each([
  { limit: 'without a limit', environment: {} },
  { limit: 'with a limit', environment: ENVIRONMENT },
])(
  'nothing is sent in a pause longer than the deadline, $limit, and everything after it',
  { timeout: 180_000 },
  async ({ environment }) => {
    const deadlineMs = 8000;
    const system = await startSystem({
      atlas: { completionMs: 500 },
      environment: { ...environment, BATCH_DEADLINE_MS: String(deadlineMs) },
    });
    const worker = await system.startWorkerProcess();
    const client = createAtlasBatchClient({
      redisUrl: system.environment.REDIS_URL ?? '',
      prefix: system.prefix,
    });
    onTestFinished(() => client.close());
    await system.submit('before', 2, 'before-');
    await waitUntil('an upload', () => system.atlas.uploads().length === 1);
    const pause = await runCli(
      ['pause', '--until', '1h', '--reason', 'maintenance', '--json'],
      system.environment,
    );
    expect(pause.code).toBe(0);
    expect(await client.paused()).toMatchObject({ reason: 'maintenance' });
    const requests = await submitAll(system, [1, 2, 3, 1, 2]);
    // What was in flight completes, and so do its event and its result.
    expect((await system.event('done-before')).name).toBe('batch.completed');
    await waitUntil(
      'all in line',
      async () => (await system.batches.getDelayedCount()) === requests.length,
    );
    await worker.kill();
    await system.startWorkerProcess();
    const pausedAt = performance.now();
    await waitUntil(
      'the time of a deadline',
      () => performance.now() > pausedAt + deadlineMs + 1000,
    );
    expect(system.atlas.uploads()).toHaveLength(1);
    expect((await runCli(['resume'], system.environment)).code).toBe(0);
    for (const { reference } of requests)
      expect((await system.event(`done-${reference}`)).name).toBe('batch.completed');
    await gateEmpty(system);
  },
);

it('kill -9 of workers neither exceeds the limit nor loses room', {
  timeout: 240_000,
}, async () => {
  const system = await startSystem({
    atlas: { completionMs: COMPLETION_MS },
    // What nobody knows of keeps its room for half of what is left of it.
    environment: { ...ENVIRONMENT, BATCH_DEADLINE_MS: '40000' },
  });
  const sizes = Array.from({ length: 24 }, (_, n) => 1 + (n % 4));
  const requests = await submitAll(system, sizes);
  for (let n = 0; n < 2; n += 1) {
    const worker = await system.startWorkerProcess();
    const before = system.atlas.uploads().length;
    const isFurther = () => system.atlas.uploads().length > before + 2;
    await waitUntil('some more uploads', isFurther, 60_000);
    await worker.kill();
  }
  await system.startWorker();
  for (const { reference } of requests) await system.event(`done-${reference}`, 120_000);
  await allJobsEnded(system, requests.length);
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
  expect(mostAtOnce(system)).toBeLessThanOrEqual(LIMIT);
  await gateEmpty(system);
  await expectNoStrayKeys(system);
});
