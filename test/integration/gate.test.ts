/** Uploads wait for their turn: documents at Atlas are limited, whoever sends them. */
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../src/index.js';
import { fromRanges } from '../../src/jobs/index-ranges.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { runCommand } from '../cli/run-command.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { gateEmpty } from '../helpers/gate-empty.js';
import {
  expectAllEndedOnce,
  expectNoStrayKeys,
  expectStoredAsAtlasHasIt,
  stateOf,
} from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Every document of a batch is there after this time at Atlas. */
const COMPLETION_MS = 300;
const LIMIT = 6;
const ENVIRONMENT = { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(LIMIT) };

/** Documents that Atlas has had at work at once. @param completionMs How long it works on each. */
function mostAtOnce({ atlas }: System, completionMs = COMPLETION_MS): number {
  const uploads = atlas.uploads();
  return Math.max(
    ...uploads.map(({ at }) =>
      uploads
        .filter((other) => other.at <= at && at < other.at + completionMs)
        .reduce((sum, { documentIds }) => sum + documentIds.length, 0),
    ),
  );
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

it('uploads of a batch that waits for the response to others keep nobody waiting, and go back to where they stood', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '3', ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' },
  });
  const { atlas, batches, redis, prefix } = system;
  const lineOf = (count: number) =>
    waitUntil('a line', async () => (await redis.zcard(`${prefix}:gate-line`)) === count);
  const sent = () => atlas.uploads().flatMap(({ documentIds }) => documentIds);
  await Promise.all([system.startWorker(), system.startWorker()]);
  await system.submit('occupying', 1, 'occupying-');
  await batchesInFlight(system);
  let respond = () => {};
  const until = new Promise<void>((resolve) => {
    respond = resolve;
  });
  atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'late', until, times: 2 }] });
  await system.submit('split', 3, 'split-');
  await waitUntil('two uploads', () => atlas.faultsFired().late === 2);
  await lineOf(1);
  for (const [n, reference] of ['next', 'last'].entries()) {
    await system.submit(reference, 1, `${reference}-`);
    await lineOf(n + 2);
  }
  // Its worker has lost it: another one waits for what the first will write down.
  const lock = batches.toKey('batch-split:lock');
  await redis.set(lock, 'another', 'PX', 1);
  await waitUntil('a second entry', async () => {
    return ((await batches.getJob('batch-split'))?.attemptsStarted ?? 0) > 1;
  });
  await runCommand(['cancel', 'occupying'], system.environment);
  await waitUntil('the next upload', () => sent().includes('next-001'));
  const states = (await stateOf(system, 'split')).uploads.map(({ state }) => state);
  expect(states).toEqual(['sending', 'sending', 'planned']);
  respond();
  await lineOf(2);
  await runCommand(['cancel', 'next'], system.environment);
  await waitUntil('the third upload', () => sent().includes('split-003'));
  expect(sent()).not.toContain('last-001');
});

/** In the long form as the issue has it: three workers, twenty of which are killed, and a Redis that crashes. */
const STORM = LONG
  ? {
      workers: 3,
      kills: 20,
      batchesEach: 40,
      largest: 20,
      limit: 100,
      deadlineMs: 90_000,
      completionMs: 3000,
    }
  : {
      workers: 1,
      kills: 2,
      batchesEach: 12,
      largest: 4,
      limit: LIMIT,
      deadlineMs: 40_000,
      completionMs: 1000,
    };

it('kill -9 of workers neither exceeds the limit nor loses room', {
  timeout: 1_200_000,
}, async () => {
  const { kills, batchesEach, limit, largest, deadlineMs, completionMs } = STORM;
  const server = LONG ? await startPrivateRedis({ appendOnly: true, appendfsync: 'always' }) : null;
  if (server) onTestFinished(() => server.stop());
  const system = await startSystem({
    ...(server && { redisUrl: server.url }),
    // Longer than a poll: room that is given back too early is seen.
    atlas: { completionMs },
    environment: {
      ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(limit),
      // What nobody knows of keeps its room for half of what is left of it.
      BATCH_DEADLINE_MS: String(deadlineMs),
    },
  });
  const requests: BatchRequest[] = [];
  const submitMore = async () => {
    for (let n = 0; n < batchesEach; n += 1) {
      const name = `b${requests.length}`;
      requests.push(await system.submit(name, 1 + (n % largest), `${name}-`));
    }
  };
  const start = () => system.startWorkerProcess();
  const workers = await Promise.all(Array.from({ length: STORM.workers }, start));
  for (let n = 0; n < kills; n += 1) {
    await submitMore();
    const before = system.atlas.uploads().length;
    const isFurther = () => system.atlas.uploads().length > before + 2;
    await waitUntil('some more uploads', isFurther, 2 * deadlineMs);
    await workers.shift()?.kill();
    if (n === kills / 2) {
      await server?.kill();
      await server?.restart();
    }
    if (n + 1 < kills) workers.push(await start());
  }
  await system.startWorker();
  for (const { reference } of requests) await system.event(`done-${reference}`, 4 * deadlineMs);
  await allJobsEnded(system, requests.length);
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
  expect(mostAtOnce(system, completionMs)).toBeLessThanOrEqual(
    limit + (await documentsGivenUp(system, requests)),
  );
  await gateEmpty(system);
  await expectNoStrayKeys(system);
});

/** Of attempts of which nobody knew whether Atlas took them, and that were sent again. */
async function documentsGivenUp(system: System, requests: BatchRequest[]): Promise<number> {
  const states = await Promise.all(requests.map(({ reference }) => stateOf(system, reference)));
  return states
    .flatMap(({ uploads }) => uploads)
    .reduce((sum, one) => sum + one.resubmissions * fromRanges(one.documentIndexes).length, 0);
}
