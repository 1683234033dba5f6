/** A pause of sending ends by itself, and outlives what it stops. */
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../src/index.js';
import { gateKeys } from '../../src/jobs/keys/gate-keys.js';
import type { AtlasRequestView } from '../../src/simulator/index.js';
import { pause } from '../../src/timeouts.js';
import { runCommand } from '../cli/run-command.js';
import { clientOf } from '../client/test-client.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { gateEmpty } from '../helpers/gate-empty.js';
import { expectAllEndedOnce, stateOf } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { hosted, type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { createServer } from '../server/test-server.js';

async function inLine({ redis, prefix }: System, count: number): Promise<void> {
  const line = `${prefix}:gate-line`;
  await waitUntil(`${count} in line`, async () => (await redis.zcard(line)) === count);
}

it.each([
  { limit: 'without a limit', environment: {} },
  { limit: 'with a limit', environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '3' } },
])(
  'a pause ends at its time by itself, $limit, and all in line is sent',
  async ({ environment }) => {
    const system = await startSystem({ environment });
    const { atlas, redis } = system;
    await system.startWorker();
    const { until } = await clientOf(system).pause({ forMs: 3000 });
    const requests = [];
    for (let n = 0; n < 5; n += 1) requests.push(await system.submit(`b${n}`, 1, `b${n}-`));
    await inLine(system, 5);
    expect(atlas.uploads()).toEqual([]);
    await waitUntil('the first upload', () => atlas.uploads().length > 0);
    expect(Number((await redis.time())[0]) + 1).toBeGreaterThan(Date.parse(String(until)) / 1000);
    for (const { reference } of requests)
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    await expectAllEndedOnce(system, requests);
  },
);

it('a pause outlives a restart of Redis and of the worker, and keeps more workers from being started', async () => {
  const own = await startPrivateRedis({ appendOnly: true, appendfsync: 'always' });
  onTestFinished(() => own.stop());
  const system = await startSystem({ redisUrl: own.url });
  const client = clientOf(system);
  const worker = await system.startWorkerProcess();
  await client.pause({ reason: 'maintenance' });
  for (const reference of ['a', 'b']) await system.submit(reference, 1, `${reference}-`);
  await inLine(system, 2);
  await own.kill();
  await worker.kill();
  await own.restart();
  const other = await system.startWorker();
  await system.submit('c', 1, 'c-');
  await inLine(system, 3);
  expect(await client.paused()).toMatchObject({ reason: 'maintenance', until: null });
  const { server } = await createServer(system.environment, { worker: hosted(other) });
  const { body } = await server.app.inject('/metrics');
  // By these autoscalers count: what waits for the end of a pause is no work for them.
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="wait"} 0');
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="prioritized"} 0');
  expect(body).toContain('atlas_batch_paused 1');
  expect(system.atlas.uploads()).toEqual([]);
  await client.resume();
  for (const reference of ['a', 'b', 'c'])
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
});

it('a batch that is removed by hand in a pause without a limit leaves the line, and the others move up', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  await client.pause();
  for (const reference of ['first', 'second', 'third']) {
    await system.submit(reference, 2, `${reference}-`);
    await waitUntil('it in line', async () => (await client.status(reference)).line !== null);
  }
  await (await system.batches.getJob('batch-first'))?.remove();
  await inLine(system, 2);
  const { line } = await client.status('second');
  expect(line).toMatchObject({ place: 1, uploads: 2, why: 'pause' });
  await client.resume();
  for (const reference of ['second', 'third'])
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
});

/** In the long form as the issue has it. */
const PAUSE = LONG
  ? { inFlight: 500, waiting: 5000, deadlineMs: 120_000 }
  : { inFlight: 3, waiting: 25, deadlineMs: 8000 };
/** Batches that one worker sends at once. */
const SLOTS = 10;

/** How far the order of uploads is from that of the line, in places, at most. */
function shiftOf(line: readonly string[], uploads: readonly string[]): number {
  const places = new Map(line.map((reference, place) => [reference, place]));
  const shifts = uploads.map((reference, place) =>
    Math.abs((places.get(reference) ?? Number.POSITIVE_INFINITY) - place),
  );
  return Math.max(...shifts);
}

it.each([
  { limit: 'without a limit', environment: {} },
  {
    limit: 'with a limit',
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(PAUSE.inFlight) },
  },
])(
  'nothing is sent in a pause longer than the deadline, $limit, and everything after it, in the order of the line',
  { timeout: 900_000 },
  async ({ environment }) => {
    const { inFlight, waiting, deadlineMs } = PAUSE;
    let completionMs = 3_600_000;
    const system = await startSystem({
      atlas: { completionMs: () => completionMs },
      // Nothing is sent again: the order of the uploads is that of the batches.
      environment: {
        ...environment,
        BATCH_DEADLINE_MS: String(deadlineMs),
        RESUBMIT_MISSING: '0',
      },
    });
    const { redis, prefix, batches, pollJobs, atlas } = system;
    const worker = await system.startWorkerProcess();
    for (let n = 0; n < inFlight; n += 1) await system.submit(`before-${n}`, 1, `before-${n}-`);
    await batchesInFlight(system, inFlight, 120_000);
    // The poll of a worker that dies comes again when its lock has run out, later than a short deadline. Of
    // hundreds one is always under way.
    const mayDie = async () => LONG || (await pollJobs.getActiveCount()) === 0;
    await waitUntil('no poll under way', mayDie);
    await worker.kill();
    const pause = await runCommand(
      ['pause', '--until', '1h', '--reason', 'maintenance', '--json'],
      system.environment,
    );
    expect(pause.code).toBe(0);
    const pausedAt = performance.now();
    completionMs = 100;
    atlas.completeNow();
    for (let n = 0; n < waiting; n += 1) await system.submit(`b${n}`, 1, `b${n}-`);
    await system.startWorker();
    // What was in flight completes, and all others wait.
    const isQuiet = async () =>
      (await batches.getCompletedCount()) === inFlight &&
      (await batches.getDelayedCount()) === waiting;
    await waitUntil('what was in flight completed, and all others in line', isQuiet, 120_000);
    await waitUntil(
      'the time of a deadline',
      () => performance.now() > pausedAt + deadlineMs + 1000,
      2 * deadlineMs,
    );
    expect(atlas.uploads()).toHaveLength(inFlight);
    const [, , lineKey = ''] = gateKeys(prefix);
    const line = (await redis.zrange(lineKey, 0, '-1')).map((member) => member.split('@')[0] ?? '');
    expect(line).toHaveLength(waiting);
    expect((await runCommand(['resume'], system.environment)).code).toBe(0);
    await waitUntil(
      'all completed',
      async () => (await batches.getCompletedCount()) === inFlight + waiting,
      300_000,
    );
    const sent = atlas.uploads().slice(inFlight);
    const order = sent.map(({ documentIds: [id = ''] }) => `batch-${id.split('-')[0]}`);
    expect(shiftOf(line, order)).toBeLessThanOrEqual(SLOTS);
    await gateEmpty(system);
  },
);

it('an upload that a short pause has turned back goes out with those of its batch, also when the pause ends before they do', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '1' },
  });
  const { atlas } = system;
  // Four uploads go out at once, and the fifth in the pause, when three of them were answered.
  const slow = (delayMs: number, id: RegExp) => ({
    ...({ endpoint: 'multiupload', fault: 'slow', delayMs } as const),
    match: ({ documentIds = [] }: AtlasRequestView) => id.test(documentIds[0] ?? ''),
  });
  atlas.setFaults({ rules: [slow(6000, /001/), slow(1500, /00[234]/)] });
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  onTestFinished(() => client.close());
  await system.submit('five', 5);
  await system.startWorker();
  const uploadsThatAre = async (wanted: string) => {
    const { uploads = [] } = await stateOf(system, 'five');
    return uploads.filter(({ state }) => state === wanted).length;
  };
  await waitUntil('four requests', async () => (await uploadsThatAre('sending')) === 4);
  await client.pause();
  await waitUntil('three responses', async () => (await uploadsThatAre('sent')) === 3);
  await pause(500);
  expect(await uploadsThatAre('planned')).toBe(1);
  await client.resume();
  await waitUntil('the fifth upload', () => atlas.uploads().length === 5);
  atlas.completeNow();
  const { data } = await system.event('done-five');
  expect(data.documents).toMatchObject({ present: 5, sent: 5 });
});
