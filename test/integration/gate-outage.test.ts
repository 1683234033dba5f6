/** Nobody can send: batches wait in line, and their deadlines come meanwhile. */
import { expect, it, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/index.js';
import { gateKeys } from '../../src/jobs/keys/gate-keys.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce, expectNoStrayKeys, stateOf } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { startTcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import { createServer } from '../server/test-server.js';

const TIMEOUT_MS = 60_000;
const NEVER_MS = 3_600_000;

async function submitAll(system: System, count: number) {
  return Promise.all(Array.from({ length: count }, (_, n) => system.submit(`b${n}`, 1, `b${n}-`)));
}

async function inLine({ redis, prefix }: System, count: number): Promise<void> {
  const line = `${prefix}:gate-line`;
  await waitUntil(`${count} in line`, async () => (await redis.zcard(line)) === count, TIMEOUT_MS);
}

it('batches in line end at their deadline, and none before, while credentials are refused for longer', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const deadlineMs = 8000;
  const system = await startSystem({
    atlas: { completionMs: NEVER_MS, fetchUrls: false },
    environment: {
      ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '2',
      BATCH_DEADLINE_MS: String(deadlineMs),
      RESUBMIT_MISSING: '0',
    },
  });
  const { atlas } = system;
  await Promise.all([system.startWorker(), system.startWorker()]);
  const requests = await submitAll(system, 12);
  await waitUntil('two uploads', () => atlas.uploads().length === 2);
  await inLine(system, 10);
  atlas.setFaults({ rules: [{ endpoint: 'authtoken', fault: 401 }] });
  atlas.expireTokens();
  for (const { reference } of requests) {
    const { data } = await system.event(`done-${reference}`, TIMEOUT_MS);
    expect(data.reason?.code).toBe('ATLAS_AUTH');
    const { startedAt } = await stateOf(system, reference);
    const tookMs = Date.parse(data.completedAt) - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(deadlineMs);
    // Within the second of a sweep, and what a busy machine takes.
    expect(tookMs).toBeLessThan(2 * deadlineMs);
  }
  expect(atlas.uploads()).toHaveLength(2);
  await allJobsEnded(system, requests.length);
  await expectAllEndedOnce(system, requests);
  const own = gateKeys(system.prefix).filter((key) => /:gate-(?!outage)/.test(key));
  expect(await system.redis.exists(own)).toBe(0);
  await expectNoStrayKeys(system);
});

it('no batch in line ends in a pause that is longer than its deadline, though nobody could send meanwhile', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const deadlineMs = 2000;
  let completionMs = NEVER_MS;
  const system = await startSystem({
    atlas: { completionMs: () => completionMs, fetchUrls: false },
    environment: { BATCH_DEADLINE_MS: String(deadlineMs), RESUBMIT_MISSING: '0' },
  });
  const { atlas, redis, prefix } = system;
  const client = createAtlasBatchClient({ redisUrl: system.environment.REDIS_URL ?? '', prefix });
  onTestFinished(() => client.close());
  const { metrics } = await system.startWorker();
  const atAtlas = await submitAll(system, 10);
  await waitUntil('ten uploads', () => atlas.uploads().length === 10);
  await client.pause({ reason: 'Atlas is down for maintenance' });
  const waiting = [];
  for (let n = 10; n < 20; n += 1) waiting.push(await system.submit(`b${n}`, 1, `b${n}-`));
  await inLine(system, 10);
  atlas.setFaults({ rules: [{ endpoint: 'authtoken', fault: 401 }] });
  atlas.expireTokens();
  for (const { reference } of atAtlas) await system.event(`done-${reference}`, TIMEOUT_MS);
  const isOver = async () =>
    Number((await redis.time())[0]) * 1000 >
    (await stateOf(system, 'b19')).startedAt + 4 * deadlineMs;
  await waitUntil('several times the deadline', isOver, TIMEOUT_MS);
  expect(await system.completions.count()).toBe(atAtlas.length);
  const { server } = await createServer(system.environment);
  const { body } = await server.app.inject('/metrics');
  expect(body).toContain('atlas_batch_paused 1');
  expect(body).toContain('atlas_batch_near_deadline 0');
  atlas.clearFaults();
  completionMs = 0;
  for (const key of await redis.keys(`${prefix}:token-refused:*`)) await redis.del(key);
  const acceptance = () => metrics.registry.getSingleMetricAsString('atlas_batch_auth_ok');
  await waitUntil('accepted credentials', async () => (await acceptance()).endsWith(' 1'));
  await client.resume();
  for (const { reference } of waiting)
    expect((await system.event(`done-${reference}`, TIMEOUT_MS)).data.status).toBe('completed');
});

it.each([
  { limit: 'without a limit', environment: {} },
  { limit: 'with a limit', environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '5' } },
])(
  'what an open circuit turns away waits in line, $limit, and all completes when Atlas is back',
  {
    timeout: 2 * TIMEOUT_MS,
  },
  async ({ environment }) => {
    const system = await startSystem({ atlas: { completionMs: 50 }, environment });
    const { atlas, batches } = system;
    atlas.setFaults({ rules: [{ fault: 503 }] });
    const requests = await submitAll(system, 20);
    await system.startWorker();
    const isAtRest = async () =>
      (await batches.getActiveCount()) === 0 &&
      (await system.redis.exists(`${system.prefix}:gate-line`)) > 0;
    await waitUntil('batches in line', isAtRest, TIMEOUT_MS);
    const asked = atlas.requests.count('multiupload');
    const tokens = atlas.requests.count('authtoken');
    await waitUntil('two probes', () => atlas.requests.count('authtoken') > tokens + 1, TIMEOUT_MS);
    // The trial is a request for a token, and never an upload.
    expect(atlas.requests.count('multiupload')).toBe(asked);
    atlas.clearFaults();
    await allJobsEnded(system, requests.length);
    for (const { reference } of requests)
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    await expectAllEndedOnce(system, requests);
  },
);

it('a worker whose way to Atlas is broken leaves batches and polls to another one, and none fails', {
  timeout: 4 * TIMEOUT_MS,
}, async () => {
  const system = await startSystem({ atlas: { completionMs: 50 } });
  const nobody = await startTcpValve(system.atlas.port);
  await nobody.refuse();
  const sick = await system.startWorker({ ATLAS_BASE_URL: nobody.url });
  const requests = await submitAll(system, 20);
  const circuit = () => sick.metrics.registry.getSingleMetricAsString('atlas_batch_breaker_state');
  await waitUntil('an open circuit', async () => !(await circuit()).endsWith(' 0'), TIMEOUT_MS);
  await system.startWorker();
  await batchesEnded(system, requests.length, 3 * TIMEOUT_MS);
  // It knows of the other one by now.
  for (let n = 0; n < 40; n += 1) requests.push(await system.submit(`c${n}`, 1, `c${n}-`));
  await batchesEnded(system, requests.length, TIMEOUT_MS);
  for (const { reference } of requests)
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
  await expectAllEndedOnce(system, requests);
  const logs = await system.redis.keys(`${system.prefix}:atlas-polls:poll-*:logs`);
  const lines = await Promise.all(logs.map((key) => system.redis.lrange(key, '0', '-1')));
  expect(lines.length).toBe(requests.length);
  // Of the first ones some, before it knew of the other.
  const turnedAway = lines.filter((of) => of.join().includes('asks it rarely'));
  expect(turnedAway.length).toBeLessThanOrEqual(20);
  expect(turnedAway.filter((of) => of.join().includes('in a row'))).toEqual([]);
});
