import { expect, it, onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { createAtlasClient } from '../../src/atlas/client.js';
import { REFUSAL_TTL_MS } from '../../src/atlas/token-vault.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { createLogger } from '../../src/logging.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { expectAllEndedOnce, stateOf } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const QUEUED = 300;
const TIMEOUT_MS = 60_000;
const REFUSED = { rules: [{ endpoint: 'authtoken', fault: 401 }] } as const;
const QUICK = { completionMs: 0, fetchUrls: false };

async function submitMany(system: System, name: string, count: number) {
  const names = Array.from({ length: count }, (_, index) => `${name}-${index}`);
  return Promise.all(names.map((reference) => system.submit(reference, 1, `${reference}-`)));
}

/** Atlas takes the credentials again, and no process remembers that it did not. */
async function mend(system: System): Promise<void> {
  system.atlas.clearFaults();
  await forgetRefusal(system);
}

async function forgetRefusal({ redis, prefix }: System): Promise<void> {
  for (const key of await redis.keys(`${prefix}:token-refused:*`)) await redis.del(key);
}

function inLine({ redis, prefix }: System): Promise<number> {
  return redis.zcard(`${prefix}:gate-line`);
}

function clientOf({ environment, prefix }: System) {
  const client = createAtlasBatchClient({ redisUrl: environment.REDIS_URL ?? '', prefix });
  onTestFinished(() => client.close());
  return client;
}

it('refused credentials keep all batches in line, which say so, and fail none, and all complete once they are accepted', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const port = randomPort();
  const system = await startSystem({
    atlas: QUICK,
    environment: { WORKER_PORT: String(port) },
  });
  const ask = async (route: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${route}`);
    return { status: response.status, text: await response.text() };
  };
  system.atlas.setFaults(REFUSED);
  const requests = await submitMany(system, 'queued', QUEUED);
  const startedAt = performance.now();
  const worker = await system.startWorkerProcess();
  const ready = await waitUntil('a worker that is not ready', async () => {
    const answer = await ask('/health/ready');
    return answer.status === 503 && answer;
  });
  expect(ready.text).toContain('Atlas refuses the client id and secret');
  expect((await ask('/health/live')).status).toBe(200);
  expect((await ask('/metrics')).text).toContain('atlas_batch_auth_ok 0');
  await waitUntil('all in line', async () => (await inLine(system)) === QUEUED, TIMEOUT_MS);
  await waitUntil('jobs at rest', async () => (await system.batches.getActiveCount()) === 0);
  expect(await system.completions.count()).toBe(0);
  const most = 1 + Math.floor((performance.now() - startedAt) / REFUSAL_TTL_MS);
  expect(Object.keys(system.atlas.requests.table())).toEqual(['authtoken']);
  expect(system.atlas.requests.count('authtoken')).toBeLessThanOrEqual(most);
  const client = clientOf(system);
  // It is known as an outage when no worker could send for three seconds.
  await waitUntil('a batch that says so', async () => {
    const status = await client.status(`queued-${QUEUED - 1}`);
    return status?.state === 'in-line' && status.line?.why === 'outage';
  });
  expect(worker.output().match(/Atlas refuses the client id/g)).toHaveLength(1);

  await mend(system);
  await batchesEnded(system, QUEUED, TIMEOUT_MS);
  for (const { reference } of requests) {
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
  }
  expect((await ask('/health/ready')).status).toBe(200);
  expect((await ask('/metrics')).text).toContain('atlas_batch_auth_ok 1');
  await expectAllEndedOnce(system, requests);
});

it('credentials that are refused to one process are refused to all, also to those that have a token yet', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const system = await startSystem({ atlas: QUICK });
  const { atlas, redis, prefix } = system;
  const worker = await system.startWorker();
  await system.submit('first', 1, 'first-');
  await system.event('done-first');
  atlas.setFaults(REFUSED);
  // As its time does; the worker keeps its own.
  for (const key of await redis.keys(`${prefix}:token:*`)) await redis.del(key);
  const another = createAtlasClient({
    baseUrl: atlas.url,
    credentials: () => ({ clientId: 'test-client', clientSecret: 'test-client-secret' }),
    timeoutMs: 5000,
    connections: 1,
    redis,
    keyPrefix: prefix,
    maxRequestsPerSecond: 0,
    logger: createLogger('silent'),
  });
  onTestFinished(() => another.close());
  await expect(another.checkCredentials()).rejects.toMatchObject({ code: 'ATLAS_AUTH' });
  const accepts = async () =>
    (await worker.metrics.registry.getSingleMetricAsString('atlas_batch_auth_ok')).endsWith(' 1');
  await waitUntil('a worker that knows it', async () => !(await accepts()));
  const requests = await submitMany(system, 'late', 30);
  const asked = atlas.requests.count('authtoken');
  await forgetRefusal(system);
  await waitUntil('one more request for a token', () => atlas.requests.count('authtoken') > asked);
  expect(atlas.uploads()).toHaveLength(1);
  expect(await accepts()).toBe(false);

  await mend(system);
  await batchesEnded(system, 1 + requests.length, TIMEOUT_MS);
  for (const { reference } of requests) {
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
  }
});

it('every batch ends at its deadline while credentials are refused for longer, those that no worker had taken too', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const deadlineMs = 4000;
  const system = await startSystem({
    atlas: { ...QUICK, completionMs: 3_600_000 },
    environment: { BATCH_DEADLINE_MS: String(deadlineMs), RESUBMIT_MISSING: '0' },
  });
  await Promise.all([system.startWorker(), system.startWorker()]);
  const flying = await submitMany(system, 'flying', 10);
  await waitUntil('uploads', () => system.atlas.uploads().length === 10);
  const before = system.atlas.requests.count('authtoken');
  const refusedFrom = performance.now();
  system.atlas.setFaults(REFUSED);
  system.atlas.expireTokens();
  const late = await submitMany(system, 'late', 60);
  for (const { reference } of [...flying, ...late]) {
    const { data } = await system.event(`done-${reference}`, TIMEOUT_MS);
    expect(data.reason?.code, `${reference}: ${data.reason?.message}`).toBe('ATLAS_AUTH');
    const { startedAt } = await stateOf(system, reference);
    const tookMs = Date.parse(data.completedAt) - startedAt;
    expect(tookMs, reference).toBeGreaterThanOrEqual(deadlineMs);
    // No place holds a batch that it does not run, until its lock is lost.
    const job = await system.batches.getJob(`batch-${reference}`);
    expect(job?.stalledCounter, reference).toBe(0);
  }
  // Both workers and the poll that finds out, and then one in ten seconds, however long it takes.
  const most = 3 + Math.floor((performance.now() - refusedFrom) / REFUSAL_TTL_MS);
  expect(system.atlas.requests.count('authtoken') - before).toBeLessThanOrEqual(most);
  expect(system.atlas.uploads()).toHaveLength(10);
  await batchesEnded(system, 70, TIMEOUT_MS);
  await expectAllEndedOnce(system, [...flying, ...late]);
});

it('a batch that is cancelled while credentials are refused ends at once, begun or not', async () => {
  const system = await startSystem({ atlas: { ...QUICK, completionMs: 3_600_000 } });
  await system.startWorker();
  const flying = await system.submit('flying', 1, 'flying-');
  await waitUntil('an upload', () => system.atlas.uploads().length === 1);
  system.atlas.setFaults(REFUSED);
  system.atlas.expireTokens();
  const queued = await submitMany(system, 'queued', 60);
  await waitUntil('all in line', async () => (await inLine(system)) === queued.length);
  const client = clientOf(system);
  for (const reference of ['flying', 'queued-59', 'queued-0']) {
    await client.cancel(reference, 'the customer withdrew');
  }
  for (const reference of ['flying', 'queued-59', 'queued-0']) {
    const { data } = await system.event(`done-${reference}`);
    expect(data.reason).toEqual({ code: 'CANCELLED', message: 'the customer withdrew' });
  }
  expect(await system.completions.count()).toBe(3);
  expect(await inLine(system)).toBe(queued.length - 2);
  expect(system.atlas.uploads()).toHaveLength(1);

  await mend(system);
  system.atlas.completeNow();
  for (const { reference } of queued) await client.cancel(reference, 'enough');
  await batchesEnded(system, 61, TIMEOUT_MS);
  await expectAllEndedOnce(system, [flying, ...queued]);
});
