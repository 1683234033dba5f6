import { expect, it, onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { WorkerStatus } from '../../src/workers/worker-status.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectNoStrayKeys,
  expectStoredAsAtlasHasIt,
  stateOf,
} from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const BATCHES = LONG ? 200 : 40;
const REFUSED_MS = LONG ? 20_000 : 5000;
const RECOVERY_TIMEOUT_MS = REFUSED_MS + 60_000;

async function privateRedis(...args: string[]): Promise<PrivateRedis> {
  const redis = await startPrivateRedis({ appendOnly: true, appendfsync: 'always', args });
  onTestFinished(() => redis.stop());
  return redis;
}

it.each([
  { outage: 'a crash and a restart', away: (redis: PrivateRedis) => redis.kill() },
  { outage: 'an orderly restart', away: async () => {} },
  {
    outage: 'seconds of refused connections',
    away: async (redis: PrivateRedis) => {
      await redis.kill();
      const from = performance.now();
      await waitUntil('its turn', () => performance.now() - from > REFUSED_MS, 2 * REFUSED_MS);
    },
  },
])(
  'a worker goes on after $outage of Redis, and ends everything once',
  {
    timeout: 2 * RECOVERY_TIMEOUT_MS,
  },
  async ({ away }) => {
    const redis = await privateRedis();
    const system = await startSystem({
      redisUrl: redis.url,
      atlas: { completionMs: ({ random }) => 300 + 3000 * random(), fetchUrls: false },
      environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '2' },
    });
    for (const queue of [system.batches, system.pollJobs, system.completions]) {
      // It would write each refused connection to standard error.
      queue.on('error', () => {});
    }
    const workers = await Promise.all([system.startWorkerProcess(), system.startWorkerProcess()]);
    const requests = await Promise.all(
      Array.from({ length: BATCHES }, (_, i) => system.submit(`kept-${i}`, 3, `kept-${i}-`)),
    );
    await waitUntil('uploads in flight', () => system.atlas.uploads().length > BATCHES / 2);
    await away(redis);
    await redis.restart();
    await batchesEnded(system, BATCHES, RECOVERY_TIMEOUT_MS);

    expect(workers.map(({ hasExited }) => hasExited)).toEqual([false, false]);
    expect(await system.batches.getJobCounts('completed')).toEqual({ completed: BATCHES });
    await expectAllEndedOnce(system, requests);
    await expectStoredAsAtlasHasIt(system, requests);
    await expectFewSubmissions(system, requests);
    for (const worker of workers) worker.signal('SIGTERM');
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    await expectNoStrayKeys(system);
  },
);

it('a batch sends nothing that no replica has confirmed, and says why', async () => {
  // A replica that connects gets everything at once: the batch's back-off grows while it waits.
  const redis = await privateRedis('--repl-diskless-sync-delay', '0');
  const system = await startSystem({
    redisUrl: redis.url,
    environment: { REPLICA_ACK_TIMEOUT_MS: '100', BATCH_DEADLINE_MS: '60000' },
  });
  const status = new WorkerStatus();
  const worker = await system.startWorker({}, { status });
  await waitUntil('a worker that is not ready', () =>
    status.whyNotReady().join().includes('REPLICA_ACK_TIMEOUT_MS wants a replica'),
  );
  const request = await system.submit('unconfirmed', 2);
  await waitUntil('a batch that waits for a replica', async () => {
    const { logs } = await system.batches.getJobLogs('batch-unconfirmed');
    return logs.some((line) =>
      line.includes('no replica of Redis confirmed a write within 100 ms'),
    );
  });
  expect(system.atlas.requests.count('multiupload')).toBe(0);
  await waitUntil('an upload that is planned again', async () => {
    const [upload] = (await stateOf(system, 'unconfirmed')).uploads;
    return upload?.state === 'planned' && upload.resubmissions === 0;
  });
  const metrics = await worker.metrics.registry.getSingleMetricAsString(
    'atlas_batch_unconfirmed_uploads_total',
  );
  expect(metrics).toMatch(/atlas_batch_unconfirmed_uploads_total [1-9]/);

  await privateRedis('--replicaof', '127.0.0.1', `${redis.port}`);
  const event = await system.event('done-unconfirmed', RECOVERY_TIMEOUT_MS);
  expect(event.name).toBe('batch.completed');
  expect(status.whyNotReady()).toEqual([]);
  await batchesEnded(system, 1, RECOVERY_TIMEOUT_MS);
  await expectAllEndedOnce(system, [request]);
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('a worker goes on renewing locks while many uploads wait for a replica that never comes', async () => {
  const system = await startSystem({
    environment: { REPLICA_ACK_TIMEOUT_MS: '4500', ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' },
  });
  const worker = await system.startWorkerProcess();
  await system.submit('renewed', 4);
  const uploads = async () => (await stateOf(system, 'renewed')).uploads ?? [];
  await waitUntil('uploads that wait', async () =>
    (await uploads()).some(({ state }) => state === 'sending'),
  );
  // Two WAITs, which are longer than a lock lasts.
  await waitUntil('uploads that are planned again', async () =>
    (await uploads()).every(({ state }) => state === 'planned'),
  );
  expect(system.atlas.requests.count('multiupload')).toBe(0);
  expect(worker.output()).not.toContain('lock');
  expect(worker.output().split('REPLICA_ACK_TIMEOUT_MS wants a replica')).toHaveLength(2);
  // A stop waits for none.
  worker.signal('SIGTERM');
  expect(await worker.exited).toBe(0);
});

it('a batch ends at its deadline when no replica ever confirms', async () => {
  const system = await startSystem({
    environment: { REPLICA_ACK_TIMEOUT_MS: '100', BATCH_DEADLINE_MS: '2000' },
  });
  await system.startWorker();
  await system.submit('unconfirmed', 2);
  expect((await system.event('done-unconfirmed')).data).toMatchObject({
    status: 'failed',
    reason: { message: expect.stringContaining('no replica of Redis') },
    batchIds: [],
  });
  expect(system.atlas.uploads()).toEqual([]);
});

it('a worker says at start what is wrong with Redis', async () => {
  const redis = await startPrivateRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  onTestFinished(() => redis.stop());
  const { startWorkerProcess } = await startSystem({ redisUrl: redis.url });
  const worker = await startWorkerProcess();
  const said = worker
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: number; msg: string; fix?: string });
  expect(said).toContainEqual(
    expect.objectContaining({
      level: 50,
      msg: expect.stringContaining('maxmemory-policy allkeys-lru'),
      fix: 'set maxmemory-policy noeviction',
    }),
  );
  expect(said).toContainEqual(
    expect.objectContaining({
      level: 40,
      msg: expect.stringContaining('no append-only file'),
      fix: 'set appendonly yes',
    }),
  );
});
