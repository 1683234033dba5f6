import { Queue } from 'bullmq';
import { expect, it } from 'vitest';
import { runCommand } from '../cli/run-command.js';
import { clientOf } from '../client/test-client.js';
import { type SystemOptions, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { type Reply, startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { AUTHORIZATION, createServer, LOGIN } from '../server/test-server.js';

async function startWithReceiver(reply: (n: number) => Reply, options: SystemOptions = {}) {
  const receiver = await startReceiver(reply);
  const system = await startSystem({
    atlas: { completionMs: 20 },
    ...options,
    environment: {
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
      ...LOGIN,
    },
  });
  const { redis, prefix } = system;
  const webhooks = new Queue('atlas-webhooks', { connection: redis, prefix });
  const counted = (state: 'failed' | 'completed', count: number) =>
    waitUntil(`${count} ${state} webhooks`, async () => {
      return (await webhooks.getJobCounts(state))[state] === count;
    });
  return { receiver, system, webhooks, counted };
}

it('webhooks that were given up are sent again with the same id, all of them or one', async () => {
  const { receiver, system, counted } = await startWithReceiver((n) => ({
    status: n <= 3 ? 410 : 204,
  }));
  await system.startWorker();
  for (const reference of ['a', 'b', 'c']) await system.submit(reference, 1);
  await counted('failed', 3);
  const client = clientOf(system);
  expect(await client.redeliver('a')).toMatchObject({ status: 'queued', reference: 'a' });
  await receiver.delivery(4);
  await counted('failed', 2);
  const dry = await runCommand(['redeliver', '--given-up', '--dry-run'], system.environment);
  expect(dry.stdout).toBe('2 events would be sent\n');
  const sent = await runCommand(['redeliver', '--given-up'], system.environment);
  expect(sent).toEqual({ code: 0, stdout: '2 events queued for the webhook\n', stderr: '' });
  await receiver.delivery(6);
  await counted('completed', 3);
  const ids = receiver.deliveries.map(({ id }) => id);
  expect(ids.slice(3).sort()).toEqual(ids.slice(0, 3).sort());
});

it('events of batches that fit a filter are sent again, or those of them that were given up', async () => {
  const { receiver, system, counted } = await startWithReceiver((n) => ({
    status: n <= 2 ? 410 : 204,
  }));
  await system.startWorker();
  for (const [i, reference] of ['lost-a', 'lost-b', 'had'].entries()) {
    const tenant = reference === 'lost-b' ? 'branch-2' : 'branch-1';
    await system.add({ ...(await system.request(reference, 1)), tenant });
    await receiver.delivery(i + 1);
  }
  await counted('failed', 2);
  const run = async (...args: string[]) => {
    const { code, stdout } = await runCommand(['redeliver', ...args], system.environment);
    return [code, stdout];
  };
  const branch = ['--tenant', 'branch-1'];
  expect(await run(...branch, '--dry-run')).toEqual([
    0,
    '2 batches: an event of each is sent to the webhook again\n',
  ]);
  expect((await run(...branch))[0]).toBe(2);
  expect(await run(...branch, '--given-up', '--yes')).toEqual([
    0,
    '1 batch: its event is sent to the webhook again\n1 of 1 batch redelivered\n',
  ]);
  await receiver.delivery(4);
  await counted('completed', 2);
  expect(receiver.deliveries[3]?.body).toContain('"lost-a"');
  expect((await run('--state', 'ended', '--rate', '100/s', '--yes', '-q'))[0]).toBe(0);
  await counted('completed', 3);
  await receiver.delivery(7);
  expect(await run('had', 'nobody')).toEqual([
    1,
    expect.stringMatching(/^had: done-had@\w+ is queued for the webhook\n$/),
  ]);
  const { logs } = await system.batches.getJobLogs('batch-lost-a');
  expect(logs.filter((line) => line.includes('redeliver by'))).toHaveLength(2);
});

it('webhooks since a time are sent again, also those of which only the batch is kept', async () => {
  const { receiver, system, webhooks, counted } = await startWithReceiver(() => ({ status: 204 }));
  await system.startWorker();
  await system.add({ ...(await system.request('old', 1)), metadata: { loan: '7' } });
  await counted('completed', 1);
  await system.submit('new', 1);
  await counted('completed', 2);
  await waitUntil('both ends', async () => (await system.batches.getCompletedCount()) === 2);
  for (const queue of [webhooks, system.completions])
    await queue.clean(0, 0, queue === webhooks ? 'completed' : 'wait');
  expect(await webhooks.getJobCounts('completed')).toEqual({ completed: 0 });
  const client = clientOf(system);
  const since = new Date(0);
  expect(await client.redeliverAll({ since, dryRun: true })).toEqual({
    events: 2,
    gone: 0,
    reset: false,
  });
  await client.redeliverAll({ since });
  await counted('completed', 2);
  const [first, second, ...again] = receiver.deliveries;
  expect(again.map(({ body }) => body).sort()).toEqual([first?.body, second?.body].sort());
  // A batch that is gone is told.
  await system.batches.clean(0, 0, 'completed');
  await webhooks.clean(0, 0, 'completed');
  expect(await client.redeliverAll({ since })).toEqual({ events: 0, gone: 2, reset: false });
  expect(await client.redeliver('old')).toEqual({
    status: 'unknown',
    reference: 'old',
    eventId: null,
  });
});

it('the command to send webhooks again wants to know which', async () => {
  for (const args of [[], ['a', '--given-up'], ['a', '--tenant', 'b'], ['--since', 'soon']]) {
    const { code, stderr } = await runCommand(['redeliver', ...args], {
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect([code, stderr.split('\n')[0]]).toEqual([
      2,
      expect.stringMatching(/--since|references or a filter/),
    ]);
  }
});

it('the page of a batch shows each attempt of its webhook, and sends it again', async () => {
  const { receiver, system, counted } = await startWithReceiver((n) => ({
    status: n === 1 ? 410 : 204,
  }));
  await system.startWorker();
  await system.submit('shown', 1);
  await counted('failed', 1);
  const { server } = await createServer(system.environment);
  const headers = { authorization: AUTHORIZATION, 'sec-fetch-site': 'same-origin' };
  const read = async (path: string) => (await server.app.inject({ url: path, headers })).body;
  const post = (url: string) => server.app.inject({ method: 'POST', url, headers });
  expect(await read('/dashboard/batches/shown')).toMatch(
    /given up after 1 attempt: 410.*Send the latest again/s,
  );
  expect(await read('/dashboard/batches')).toContain('1 webhook was given up');
  await post('/dashboard/batches/shown/redeliver');
  await counted('completed', 1);
  expect(await read('/dashboard/batches/shown')).toMatch(/attempt 1: 204, delivered/);
  expect(await read('/dashboard/batches')).not.toContain('1 webhook was given up');
  await post('/dashboard/batches/shown/redeliver');
  await receiver.delivery(3);
  expect(await read('/dashboard/api/queues?activeQueue=atlas-webhooks')).toContain(
    'atlas-webhooks',
  );
});
