import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { startedKey } from '../../../src/jobs/keys/redis-keys.js';
import { newPollState } from '../../../src/jobs/state/poll-state.js';
import type { HostedWorker } from '../../../src/server/context.js';
import { createWorkerMetrics } from '../../../src/workers/metrics.js';
import { batchesInFlight } from '../../helpers/batches-in-flight.js';
import { hosted, startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { connect } from '../test-redis.js';
import { AUTHORIZATION, createServer, LOGIN } from '../test-server.js';

it('what is read from Redis has no value while Redis stands still', async () => {
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const { server } = await createServer({ REDIS_URL: own.url });
  const metrics = async () => (await server.app.inject('/metrics')).body;
  const ofRedis =
    /^atlas_batch_(?:redis_memory_used_ratio|workers|jobs|in_flight|paused|quota_|documents_|line_)/m;
  expect(await metrics()).toMatch(ofRedis);
  process.kill(own.pid, 'SIGSTOP');
  const body = await metrics();
  process.kill(own.pid, 'SIGCONT');
  expect(body).not.toMatch(ofRedis);
  expect(body).toContain('atlas_batch_redis_up 0');
  expect(await metrics()).toMatch(/^atlas_batch_redis_memory_used_ratio [\d.e-]*[1-9]/m);
});

it('the metrics of a server cover the workers in its process and the queues', async () => {
  const system = await startSystem({ environment: LOGIN });
  const worker = await system.startWorker();
  const { server } = await createServer(system.environment, {
    worker: hosted(worker),
  });
  const seriesIn = (body: string) =>
    countedIn(body).flatMap(({ name, series }) =>
      series.map(({ labels }) => `${name} ${JSON.stringify(labels)}`),
    );
  const before = seriesIn((await server.app.inject('/metrics')).body);
  await system.submit('metered', 3);
  await system.event('done-metered');
  await waitUntil('the end of the job', async () => (await system.batches.getCompletedCount()) > 0);
  const { body, headers } = await server.app.inject('/metrics');
  expect(headers['content-type']).toContain('text/plain');
  // Whatever was counted had its series before.
  expect(seriesIn(body)).toEqual(before);
  expect(body).toContain('atlas_batch_batches_total{status="completed",code=""} 1');
  expect(body).toContain('atlas_batch_batch_seconds_count{status="completed"} 1');
  expect(body).toContain('atlas_batch_queue_wait_seconds_count 1');
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="completed"} 1');
  expect(body).toMatch(/atlas_batch_oldest_waiting_seconds\{queue="atlas-completions"\} \d/);
  expect(body).toContain('atlas_batch_workers 1');
  expect(body).toContain('atlas_batch_in_flight 0');
  expect(body).toContain('atlas_batch_redis_up 1');
});

it('batches in flight and near their deadline are counted, without those removed by hand', async () => {
  const { server, url, prefix } = await createServer({ BATCH_DEADLINE_MS: '100000' });
  const redis = await connect(url);
  const [seconds] = await redis.time();
  const now = Number(seconds) * 1000;
  for (const [id, ageMs] of Object.entries({ 'batch-old': 90_000, 'batch-new': 1000 })) {
    await redis.hset(`${prefix}:atlas-batches:${id}`, { name: 'batch', timestamp: now });
    await redis.zadd(startedKey(prefix), now - ageMs, id);
  }
  await redis.zadd(startedKey(prefix), now - 500_000, 'batch-removed');
  const { body } = await server.app.inject('/metrics');
  expect(body).toContain('atlas_batch_in_flight 2');
  expect(body).toContain('atlas_batch_near_deadline 1');
  expect(body).toMatch(/atlas_batch_oldest_in_flight_seconds 9\d/);
});

it('the age of the oldest that waits is that of a batch that nobody has taken, wherever a producer put it', async () => {
  const { server, url, prefix } = await createServer();
  const redis = await connect(url);
  const [seconds] = await redis.time();
  const key = (id: string) => `${prefix}:atlas-batches:${id}`;
  const add = async (id: string, ageSeconds: number, more: object = {}) => {
    await redis.hset(key(id), { timestamp: (Number(seconds) - ageSeconds) * 1000, ...more });
  };
  const oldest = async () => {
    const { body } = await server.app.inject('/metrics');
    const [, age] = /oldest_waiting_seconds\{queue="atlas-batches"\} (\d+)/.exec(body) ?? [];
    return Number(age);
  };
  // One whose turn in line has come stands where workers take from; it was taken hours ago.
  await add('batch-woken', 9000, { ats: 1 });
  await redis.rpush(key('wait'), 'batch-woken');
  expect(await oldest()).toBe(0);
  await add('batch-first', 500);
  await redis.lpush(key('wait'), 'batch-first');
  await add('batch-lifo', 100);
  await redis.rpush(key('wait'), 'batch-lifo');
  expect(Math.floor((await oldest()) / 100)).toBe(5);
  await add('batch-priority', 1000);
  await redis.zadd(key('prioritized'), 1, 'batch-priority');
  expect(Math.floor((await oldest()) / 100)).toBe(10);
  const { body } = await server.app.inject('/metrics');
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="prioritized"} 1');
});

it('a batch that came back, or was added for later, has not waited since it was added', async () => {
  const { server, url, prefix } = await createServer();
  const redis = await connect(url);
  const [seconds] = await redis.time();
  const now = Number(seconds) * 1000;
  const key = (id: string) => `${prefix}:atlas-batches:${id}`;
  const oldest = async () => {
    const { body } = await server.app.inject('/metrics');
    return Number(/oldest_waiting_seconds\{queue="atlas-batches"\} (\S+)/.exec(body)?.[1]);
  };
  // What a retry leaves: it was made once, and nothing says when it was processed.
  await redis.hset(key('batch-retried'), { timestamp: now - 90_000_000, atm: 1 });
  await redis.hset(key('batch-later'), {
    timestamp: now - 3_600_000,
    opts: JSON.stringify({ delay: 3_590_000 }),
  });
  await redis.lpush(key('wait'), 'batch-later', 'batch-retried');
  expect(Math.floor(await oldest())).toBe(10);
  await redis.lrem(key('wait'), 1, 'batch-later');
  const atFirst = await oldest();
  expect(atFirst).toBeLessThan(60);
  await waitUntil('its wait to grow', async () => (await oldest()) > atFirst);
});

it('every series with labels that are known is there from the start', async () => {
  const { server } = await createServer({}, { worker: hostedMetrics() });
  const { body } = await server.app.inject('/metrics');
  for (const series of [
    'batches_total{status="failed",code="INTERNAL"}',
    'requests_total{endpoint="extracts",code="401"}',
    'webhooks_total{result="given-up"}',
    'own_faults_total{code="STORAGE"}',
    'batch_seconds_count{status="failed"}',
    'queue_wait_seconds_count',
    'callbacks_rejected_total{why="malformed"}',
    'jobs{queue="atlas-webhooks",state="failed"}',
    ...apiStatuses().map((status) => `api_requests_total{status="${status}"}`),
  ]) {
    expect(body).toContain(`atlas_batch_${series} 0\n`);
  }
  expect(body).toMatch(/atlas_batch_build_info\{version="\d[^"]+",node="\d[^"]+"\} 1\n/);
});

/** Metrics that have not every combination of their labels, and why. */
const NOT_EVERY_SERIES: ReadonlyMap<string, string> = new Map([
  ['batches_total', 'a batch that completed has no code, and one that failed has one'],
]);

/** Counters and histograms of ours, each with the labels and the value of its series. */
function countedIn(body: string) {
  const types = body.matchAll(/^# TYPE atlas_batch_(\w+) (counter|histogram)$/gm);
  return [...types].map(([, name = '', type]) => {
    const sample = `atlas_batch_${name}${type === 'histogram' ? '_count' : ''}`;
    const lines = body.matchAll(new RegExp(`^${sample}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
    const series = [...lines].map(([, labels = '', value]) => ({
      labels: [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', one = '']) => [
        label,
        one,
      ]),
      value,
    }));
    return { name, series };
  });
}

it('each counter and each histogram has a series of every combination of its labels from the start, at 0', async () => {
  const { server } = await createServer({}, { worker: hostedMetrics() });
  const metrics = countedIn((await server.app.inject('/metrics')).body);
  expect(metrics.length).toBeGreaterThan(30);
  for (const { name, series } of metrics) {
    expect([name, series.length > 0]).toEqual([name, true]);
    expect([name, series.filter(({ value }) => value !== '0')]).toEqual([name, []]);
    const values = new Map<string, Set<string>>();
    for (const [label = '', value = ''] of series.flatMap(({ labels }) => labels))
      values.set(label, (values.get(label) ?? new Set()).add(value));
    const combinations = [...values.values()].reduce((all, { size }) => all * size, 1);
    if (!NOT_EVERY_SERIES.has(name)) expect([name, series.length]).toEqual([name, combinations]);
  }
});

/** Of the document of the API, and that of a method which no route has. */
function apiStatuses(): string[] {
  const { paths } = JSON.parse(readFileSync('schemas/openapi.json', 'utf8'));
  const operations = Object.values<object>(paths).flatMap((methods) => Object.values(methods));
  return [...new Set(['405', ...operations.flatMap(({ responses }) => Object.keys(responses))])];
}

/** A worker that has done nothing yet. */
function hostedMetrics(): HostedWorker {
  const { registry } = createWorkerMetrics(new Registry());
  return { registry, whyNotReady: () => [], whyNotLive: async () => [] };
}

it('a poll that is due waits since it was due, and not since its upload was sent', async () => {
  const { server, url, prefix } = await createServer();
  const redis = await connect(url);
  const [seconds] = await redis.time();
  const now = Number(seconds) * 1000;
  const progress = { ...newPollState(0, 1), nextPollAt: now - 30_000 };
  const key = `${prefix}:atlas-polls:`;
  await redis.hset(`${key}poll-1`, {
    timestamp: now - 3_600_000,
    progress: JSON.stringify(progress),
  });
  await redis.lpush(`${key}wait`, 'poll-1');
  const { body } = await server.app.inject('/metrics');
  expect(body).toMatch(/oldest_waiting_seconds\{queue="atlas-polls"\} 3\d/);
});

it('what waits in line is counted by priority, with the time for which it waits and the room that is left', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '5' },
  });
  await system.startWorker();
  const { server } = await createServer(system.environment);
  const metrics = async () => (await server.app.inject('/metrics')).body;
  await system.submit('at-atlas', 4, 'a-');
  await batchesInFlight(system);
  for (const [reference, priority] of [
    ['x', 'bulk'],
    ['y', 'bulk'],
    ['z', 'urgent'],
  ] as const)
    await system.add({ ...(await system.request(reference, 2, `${reference}-`)), priority });
  const body = await waitUntil('a line', async () => {
    const text = await metrics();
    return text.includes('atlas_batch_line_uploads{priority="bulk"} 2') &&
      text.includes('atlas_batch_line_uploads{priority="urgent"} 1') &&
      text.includes('atlas_batch_room_documents 1')
      ? text
      : undefined;
  });
  expect(body).toContain('atlas_batch_line_documents{priority="bulk"} 4');
  expect(body).toContain('atlas_batch_line_documents{priority="normal"} 0');
  expect(body).toMatch(/atlas_batch_line_oldest_seconds\{priority="urgent"\} \d/);
  const urgent = `${system.prefix}:gate-line-urgent`;
  for (const member of await system.redis.zrange(urgent, '0', '-1'))
    await system.redis.zincrby(urgent, -500_000, member);
  expect(await metrics()).toMatch(/atlas_batch_line_oldest_seconds\{priority="urgent"\} 50\d/);
  expect(body).toContain('atlas_batch_documents_in_flight 4');
  expect(holdsOf(body)).toEqual({ limit: 1, quota: 0, pause: 0, outage: 0, worker: 0 });
  // Neither those in line nor a pause are work that more workers could do.
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="wait"} 0');
});

it('the metrics say what the head of the line waits for, from the start, also for a quota that has something left', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { ATLAS_MAX_DOCUMENTS_PER_DAY: '10' },
  });
  const { server } = await createServer({ ...system.environment, ...LOGIN });
  const metrics = async () => (await server.app.inject('/metrics')).body;
  expect(holdsOf(await metrics())).toEqual({ limit: 0, quota: 0, pause: 0, outage: 0, worker: 0 });
  await system.startWorker();
  await system.submit('seven', 7, 's-');
  await batchesInFlight(system);
  await system.submit('five', 5, 'f-');
  const body = await waitUntil('a line that waits for the quota', async () => {
    const text = await metrics();
    return holdsOf(text).quota === 1 ? text : undefined;
  });
  expect(holdsOf(body)).toEqual({ limit: 0, quota: 1, pause: 0, outage: 0, worker: 0 });
  expect(body).toContain('atlas_batch_quota_left_documents 3');
  const headers = { authorization: AUTHORIZATION };
  const page = await server.app.inject({ url: '/dashboard/batches', headers });
  expect(page.body).toContain('quota of 10 documents has 3 left');
});

/** By reason, whether the line waits for it. */
function holdsOf(metrics: string): Record<string, number> {
  const found = metrics.matchAll(/^atlas_batch_line_hold\{why="(\w+)"\} (\d)$/gm);
  return Object.fromEntries([...found].map(([, why, value]) => [why, Number(value)]));
}
