import { type Job, Queue, Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import type { WebhookPayload } from '../../src/jobs/state/webhook-state.js';
import { promoteIfDelayed } from '../../src/redis/promote.js';
import type { AtlasBatchWorker } from '../../src/workers/worker.js';
import { closedPort } from '../atlas/test-server.js';
import { expectAllEndedOnce, expectNoStrayKeys } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';

/** A system whose workers send webhooks to `url`, and the queue that they go through. */
async function startWithWebhook(url: string, environment: Record<string, string> = {}) {
  const system = await startSystem({
    environment: {
      COMPLETION_WEBHOOK_URL: url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
      ...environment,
    },
  });
  return { system, webhooks: webhooksOf(system) };
}

function webhooksOf({ redis, prefix }: System): Queue<WebhookPayload> {
  return new Queue('atlas-webhooks', { connection: redis, prefix });
}

/** The job of an event as it is while it sleeps between two attempts: read once that is seen. */
function sleeping(webhooks: Queue, eventId: string): Promise<Job> {
  return waitUntil(`a webhook that sleeps: ${eventId}`, async () =>
    (await webhooks.getJobState(eventId)) === 'delayed' ? webhooks.getJob(eventId) : null,
  );
}

/** Its end; between two attempts it does not sleep out. */
function ended(webhooks: Queue, eventId: string): Promise<Job> {
  return waitUntil(`the end of the webhook ${eventId}`, async () => {
    await promoteIfDelayed(webhooks, eventId);
    const job = await webhooks.getJob(eventId);
    return job?.finishedOn === undefined ? null : job;
  });
}

/** Of the series that have counted something. */
async function valuesOf({ metrics }: AtlasBatchWorker, name: string) {
  const metric = await metrics.registry.getSingleMetric(`atlas_batch_${name}`)?.get();
  return metric?.values.filter(({ value }) => value > 0) ?? [];
}

it('the webhook gets every event as a signed POST, and the events of the queue stay for their consumers', async () => {
  const receiver = await startReceiver();
  const { system, webhooks } = await startWithWebhook(receiver.url);
  await system.startWorker();
  const requests = [await system.submit('hook-1', 3), await system.submit('hook.2', 2)];
  await system.add({ reference: 'hook-3', documents: [] });

  const expected = new Map<string, unknown>();
  for (const id of ['done-hook-1', 'done-hook.2', 'done-hook-3']) {
    const { name, data } = await system.event(id);
    expect(data.eventId).toMatch(new RegExp(`^${id}@`));
    expected.set(String(data.eventId).replace('.', '%2E'), {
      type: name,
      timestamp: data.completedAt,
      data,
    });
    expect((await ended(webhooks, id)).returnvalue).toEqual({ attempts: 1, status: '204' });
  }
  const got = receiver.deliveries.map(({ id, payload }) => [id, payload]);
  expect(new Map(got as [string, unknown][])).toEqual(expected);
  expect(got).toHaveLength(3);
  expect(receiver.faults).toEqual([]);
  expect(await system.completions.getJobCounts('wait', 'completed')).toEqual({
    wait: 3,
    completed: 0,
  });
  await waitUntil('ended batches', async () => {
    const { completed = 0, failed = 0 } = await system.batches.getJobCounts('completed', 'failed');
    return completed + failed === 3;
  });
  await expectAllEndedOnce(system, [...requests, { reference: 'hook-3' }]);
  await expectNoStrayKeys(system);
});

it('the webhook is tried again after refusals, under the same id, without failing the job', async () => {
  const port = await closedPort();
  const { system, webhooks } = await startWithWebhook(`http://127.0.0.1:${port}/atlas-events`);
  const worker = await system.startWorker();
  await system.submit('stubborn', 1);
  await sleeping(webhooks, 'done-stubborn');
  expect((await webhooks.getJobLogs('done-stubborn')).logs.at(-1)).toMatch(
    / attempt 1: ECONNREFUSED, next in \d s$/,
  );
  const receiver = await startReceiver((n) => ({ status: n < 3 ? 500 : 204 }), port);
  const job = await ended(webhooks, 'done-stubborn');
  expect(job.returnvalue).toEqual({ attempts: 4, status: '204' });
  expect([job.attemptsMade, job.stacktrace]).toEqual([1, []]);
  expect(receiver.deliveries.map(({ id }) => id)).toEqual(Array(3).fill(job.data.data.eventId));
  expect(new Set(receiver.deliveries.map(({ body }) => body)).size).toBe(1);
  expect(receiver.faults).toEqual([]);
  const attempts = await valuesOf(worker, 'webhook_attempts_total');
  expect(Object.fromEntries(attempts.map(({ labels, value }) => [labels.code, value]))).toEqual({
    ECONNREFUSED: 1,
    500: 2,
    204: 1,
  });
});

it('the webhook waits as long as Retry-After says', async () => {
  const receiver = await startReceiver(() => ({ status: 503, headers: { 'retry-after': '600' } }));
  const { system, webhooks } = await startWithWebhook(receiver.url);
  await system.startWorker();
  await system.submit('later', 1);
  const job = await sleeping(webhooks, 'done-later');
  expect(job.delay).toBeGreaterThanOrEqual(599_000);
  expect(job.delay).toBeLessThanOrEqual(601_000);
});

it('the webhook stops at 410, and is tried for another day when an operator retries', async () => {
  const receiver = await startReceiver((n) => ({ status: n === 1 ? 410 : n === 2 ? 500 : 200 }));
  const { system, webhooks } = await startWithWebhook(receiver.url);
  const worker = await system.startWorker();
  await system.submit('gone', 1);
  const job = await ended(webhooks, 'done-gone');
  expect(job.failedReason).toBe('given up after 1 attempt: 410, the receiver wants no more of it');
  expect(receiver.deliveries).toHaveLength(1);
  expect(await valuesOf(worker, 'webhooks_total')).toMatchObject([
    { labels: { result: 'given-up' }, value: 1 },
  ]);
  expect((await system.event('done-gone')).name).toBe('batch.completed');

  await job.retry();
  expect((await ended(webhooks, 'done-gone')).returnvalue).toEqual({ attempts: 2, status: '200' });
});

it('batches end, and their worker stops in order, while the receiver of the webhook hangs', async () => {
  const receiver = await startReceiver(() => 'none until released');
  const { system, webhooks } = await startWithWebhook(receiver.url);
  const worker = await system.startWorker();
  await system.submit('hang-1', 2);
  await receiver.delivery(1);
  await system.submit('hang-2', 2);
  await system.event('done-hang-2');
  await waitUntil('two completed batches', async () => {
    return (await system.batches.getJobCounts('completed')).completed === 2;
  });
  await receiver.delivery(2);
  expect(await webhooks.getJobCounts('active')).toEqual({ active: 2 });

  const stopped = worker.stop();
  receiver.release();
  await stopped;
  expect(await webhooks.getJobCounts('active', 'completed')).toEqual({ active: 0, completed: 2 });
  expect(receiver.deliveries).toHaveLength(2);
});

it('what a killed worker was sending to the webhook is sent again, under the same id', async () => {
  const receiver = await startReceiver((n) => (n === 1 ? 'none until released' : { status: 200 }));
  const { system, webhooks } = await startWithWebhook(receiver.url);
  const first = await system.startWorkerProcess();
  await system.submit('killed', 1);
  await receiver.delivery(1);
  await first.kill();
  await system.startWorker();
  const { eventId } = (await ended(webhooks, 'done-killed')).data.data;
  expect(receiver.deliveries.map(({ id }) => id)).toEqual([eventId, eventId]);
});

it('the webhook gives a reference that is used again an id that the receiver has not seen', async () => {
  const receiver = await startReceiver();
  const { system, webhooks } = await startWithWebhook(receiver.url);
  await system.startWorker();
  const request = await system.submit('again', 1);
  await ended(webhooks, 'done-again');
  const batch = await waitUntil('the ended batch', async () => {
    const job = await system.batches.getJob('batch-again');
    return job?.finishedOn === undefined ? null : job;
  });
  await batch.remove();
  await (await system.completions.getJob('done-again'))?.remove();
  await system.add(request);
  await system.event('done-again~2');
  await receiver.delivery(2);
  expect(receiver.deliveries.map(({ id }) => id)).toEqual([
    expect.stringMatching(/^done-again@/),
    expect.stringMatching(/^done-again@/),
  ]);
  expect(new Set(receiver.deliveries.map(({ id }) => id)).size).toBe(2);
});

it('neither Redis nor the log holds the secret and query of the webhook, or what its receiver says', async () => {
  const receiver = await startReceiver((n) => ({
    status: n === 1 ? 500 : 410,
    headers: { 'x-said': 'canary-header' },
    body: 'canary-body',
  }));
  const { system, webhooks } = await startWithWebhook(`${receiver.url}?token=canary-query`, {
    LOG_LEVEL: 'trace',
  });
  const worker = await system.startWorkerProcess();
  await system.submit('quiet', 1);
  await ended(webhooks, 'done-quiet');
  await waitUntil('the last line of the log', () => worker.output().includes('given up'));
  const dumped = await dumpAll(system);
  expect(dumped).toContain('given up after 2 attempts: 410');
  for (const text of [dumped, worker.output()]) {
    expect(text).not.toContain('canary');
    expect(text).not.toContain(WEBHOOK_SECRET);
    expect(text).not.toContain('v1,');
  }
});

/** Every value under the test's prefix, in clear. */
async function dumpAll({ redis, prefix }: System): Promise<string> {
  const values: unknown[] = [];
  for (const key of await redis.keys(`${prefix}:*`)) {
    const type = await redis.type(key);
    if (type === 'hash') values.push(await redis.hgetall(key));
    else if (type === 'list') values.push(await redis.lrange(key, 0, -1));
    else if (type === 'stream') values.push(await redis.xrange(key, '-', '+'));
    else if (type === 'zset') values.push(await redis.zrange(key, '0', '-1'));
    else if (type === 'string') values.push(await redis.get(key));
    else values.push(await redis.smembers(key));
  }
  return JSON.stringify(values);
}

it('nothing is sent when the webhook is off, and what one left that was switched off is removed', async () => {
  const system = await startSystem();
  await system.startWorker({ COMPLETIONS_TTL_MS: '1000' });
  await system.submit('off', 1);
  await system.event('done-off');
  expect(await system.redis.keys(`${system.prefix}:atlas-webhooks:*`)).toEqual([]);
  const webhooks = webhooksOf(system);
  const data = { type: 'batch.completed' } as WebhookPayload;
  // Its consumer died with it.
  await webhooks.add('batch.completed', data, { jobId: 'done-left-0' });
  const consumer = new Worker('atlas-webhooks', null, {
    connection: system.redis,
    prefix: system.prefix,
  });
  onTestFinished(() => consumer.close());
  await consumer.getNextJob('token');
  await system.redis.del(`${webhooks.toKey('done-left-0')}:lock`);
  await webhooks.add('batch.completed', data, { jobId: 'done-left-1' });
  await webhooks.add('batch.completed', data, { jobId: 'done-left-2', delay: 3_600_000 });
  await waitUntil('a clean queue', async () => {
    const { wait, delayed, active } = await webhooks.getJobCounts('wait', 'delayed', 'active');
    return wait === 0 && delayed === 0 && active === 0;
  });
});
