import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import type { CompletionContext } from '../../src/client/completion-handler.js';
import { RedisUnavailableError, UsageError } from '../../src/errors.js';
import type { BatchSummary } from '../../src/jobs/summary.js';
import { MIN_PAUSE_MS } from '../../src/redis/pausing-worker.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { watchFetches } from '../helpers/watch-fetches.js';
import { clientOf, startClient } from './test-client.js';

vi.setConfig({ testTimeout: 60_000 });

const HANDLER = fileURLToPath(new URL('handler.process.mjs', import.meta.url));

/** Adds events as the worker does, with a short back-off. */
function announcer(url: string, prefix: string) {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  onTestFinished(() => connection.disconnect());
  const queue = new Queue<Partial<BatchSummary>>('atlas-completions', { connection, prefix });
  return {
    queue,
    announce: (reference: string, attempts = 20) =>
      queue.add(
        'batch.completed',
        { reference },
        { jobId: `done-${reference}`, attempts, backoff: { type: 'fixed', delay: 20 } },
      ),
  };
}

test('a handler gets each event once, with its summary, id and name', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  const seen: [BatchSummary, Omit<CompletionContext, 'signal'>][] = [];
  client.onCompletion((summary, { signal: _, ...context }) => {
    seen.push([summary, context]);
  });
  await system.submit('good', 2);
  await system.add({ reference: 'bad' });
  await waitUntil('both events', () => seen.length === 2);
  seen.sort(([a], [b]) => String(b.reference).localeCompare(String(a.reference)));
  const [good, bad] = [await client.wait('good'), await client.wait('bad')];
  expect(good.eventId).toMatch(/^done-good@[a-z0-9]{8}$/);
  expect(seen).toEqual([
    [good, { eventId: good.eventId, name: 'batch.completed', attempt: 1 }],
    [bad, { eventId: bad.eventId, name: 'batch.failed', attempt: 1 }],
  ]);
});

test('a handler can retry, read and erase the batch whose event it has, at once', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  const asked: unknown[] = [];
  client.onCompletion(async ({ status }) => {
    if (status === 'failed') {
      await system.request('loan-1', 2);
      asked.push((await client.retry('loan-1')).status);
      return;
    }
    const ids: string[] = [];
    for await (const { documentId } of client.results('loan-1')) ids.push(documentId);
    asked.push(ids, (await client.erase('loan-1')).status);
  });
  const documents = ['001', '002'].map((documentId) => {
    return { documentId, bucket: 'kyc-documents', key: `loan-1/${documentId}.jpg` };
  });
  await client.enqueue({ reference: 'loan-1', productType: 'LOAN_APP', documents });
  await waitUntil('both events', () => asked.length === 3);
  expect(asked).toEqual(['retried', ['001', '002'], 'erased']);
});

test('a reference that is used again after its event is gone has an event of another id', async () => {
  const system = await startSystem();
  await system.startWorker();
  const client = clientOf(system);
  const ids: string[] = [];
  client.onCompletion((_, { eventId }) => void ids.push(eventId));
  for (const count of [1, 2]) {
    await system.submit('again', 1);
    await waitUntil('the event', () => ids.length === count);
    await waitUntil('the end', async () => {
      await (await system.completions.getJob('done-again'))?.remove().catch(() => {});
      return (await system.completions.getJob('done-again')) === undefined;
    });
    await (await system.batches.getJob('batch-again'))?.remove();
  }
  expect(new Set(ids).size).toBe(2);
});

test('an event that came while nobody handled is handled later', async () => {
  const { client, url, prefix } = startClient();
  await announcer(url, prefix).announce('early');
  const handled = new Promise<string>((resolve) => {
    client.onCompletion((_, { eventId }) => resolve(eventId));
  });
  expect(await handled).toBe('done-early');
});

test('an error that a handler throws brings back its event alone', async () => {
  const { client, url, prefix } = startClient();
  const { announce } = announcer(url, prefix);
  const seen: string[] = [];
  const errors: string[] = [];
  client.onCompletion(
    ({ reference }, { attempt }) => {
      seen.push(`${reference} ${attempt}`);
      if (reference === 'b' && attempt < 3) throw new Error('database down');
    },
    { concurrency: 1, onError: (error, eventId) => errors.push(`${eventId} ${error.message}`) },
  );
  for (const reference of ['a', 'b', 'c']) await announce(reference);
  await waitUntil('all handled', () => seen.includes('b 3') && seen.includes('c 1'));
  expect(seen.sort()).toEqual(['a 1', 'b 1', 'b 2', 'b 3', 'c 1']);
  expect(errors).toEqual(['done-b database down', 'done-b database down']);
});

test('an event whose handler never succeeds is kept among the failed, and blocks no other', async () => {
  const { client, url, prefix } = startClient();
  const { announce, queue } = announcer(url, prefix);
  const errors: string[] = [];
  client.onCompletion(
    ({ reference }) => {
      if (reference === 'poison') throw new Error('no');
    },
    { onError: (_, eventId) => void errors.push(String(eventId)) },
  );
  await announce('poison', 2);
  await announce('fine');
  await waitUntil('the end of both, each error told', async () => {
    const { completed, failed } = await queue.getJobCounts('completed', 'failed');
    return completed === 1 && failed === 1 && errors.length >= 2;
  });
  expect(errors).toEqual(['done-poison', 'done-poison']);
});

test('handlers run at once up to the concurrency, and close waits for them', async () => {
  const { client, url, prefix } = startClient();
  const { announce, queue } = announcer(url, prefix);
  let running = 0;
  let most = 0;
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const subscription = client.onCompletion(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await released;
      running -= 1;
    },
    { concurrency: 3 },
  );
  for (let i = 0; i < 5; i += 1) await announce(`crowd-${i}`);
  await waitUntil('three handlers', () => running === 3);
  const closed = subscription.close();
  release();
  await closed;
  expect([running, most]).toEqual([0, 3]);
  expect(await queue.getJobCounts('completed', 'waiting')).toEqual({ completed: 3, waiting: 2 });
});

test('an event whose handler was killed comes again, and no other comes twice', async () => {
  const { client, url, prefix } = startClient();
  const { announce, queue } = announcer(url, prefix);
  const child = spawn(process.execPath, [HANDLER, url, prefix], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await announce('victim');
  const [line] = await once(createInterface(child.stdout), 'line');
  expect(line).toBe('done-victim');
  child.kill('SIGKILL');
  await once(child, 'exit');

  const seen: string[] = [];
  client.onCompletion((_, { eventId, attempt }) => {
    seen.push(`${eventId} ${attempt}`);
  });
  for (let i = 0; i < 20; i += 1) await announce(`other-${i}`);
  await waitUntil(
    'all events',
    async () => (await queue.getJobCounts('completed')).completed === 21,
  );
  expect(seen.sort()).toEqual(
    ['done-victim 1', ...Array.from({ length: 20 }, (_, i) => `done-other-${i} 1`)].sort(),
  );
});

test('a closed client takes no handler of events', async () => {
  const { client } = startClient();
  await client.close();
  expect(() => client.onCompletion(() => {})).toThrow('the client was closed');
});

test('a Redis that refuses is told to onError rarely, and without its commands', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  await admin.config('SET', 'maxmemory', '1000000');
  const { client } = startClient({ url: server.url, prefix: '{t}' });
  const errors: Error[] = [];
  const { fetches, pauses } = watchFetches();
  client.onCompletion(() => {}, { onError: (error) => void errors.push(error) });
  await waitUntil('the second pause', () => pauses().length === 2);
  expect(pauses()).toEqual([MIN_PAUSE_MS, 2 * MIN_PAUSE_MS]);
  expect(fetches()).toBe(2);
  expect(errors.length).toBeGreaterThan(0);
  // One for each fetch and for the check for stalled jobs, all within one interval.
  expect(errors).toHaveLength(1);
  expect(errors[0]).toBeInstanceOf(RedisUnavailableError);
  expect(errors[0]?.message).toMatch(
    /^Redis at \S+ refuses us: .*OOM.*; it is full; raise its max/,
  );
  expect([errors[0], errors[0]?.cause].filter((error) => 'command' in Object(error))).toEqual([]);
});

test('a password that is refused does not reach onError', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const url = server.url.replace('//', '//user:canary@');
  const { client } = startClient({ url, prefix: '{t}' });
  const refused = new Promise<Error>((resolve) => {
    client.onCompletion(() => {}, { onError: resolve });
  });
  const error = await refused;
  expect(error).toBeInstanceOf(RedisUnavailableError);
  expect(error.message).toContain('WRONGPASS');
  expect(error.cause).toMatchObject({ message: expect.stringContaining('WRONGPASS') });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('canary');
});

test('onCompletion without a handler throws at once, and takes no event', async () => {
  const { client, url, prefix } = startClient();
  const { announce, queue } = announcer(url, prefix);
  await announce('kept');
  for (const [handler, options, message] of [
    [undefined, {}, /onCompletion needs a handler/],
    [{ concurrency: 3 }, {}, /onCompletion needs a handler/],
    [() => {}, { concurrency: 0 }, /concurrency must be a whole number/],
    [() => {}, { concurrency: 'x' }, /concurrency must be a whole number/],
    [() => {}, { onError: 'log' }, /onError must be a function/],
    [() => {}, { onerror: () => {} }, /no option onerror; it has concurrency, onError/],
  ]) {
    const subscribe = () => client.onCompletion(handler as never, options as never);
    expect(subscribe).toThrow(UsageError);
    expect(subscribe).toThrow(message as RegExp);
  }
  await client.close();
  expect(await queue.getJobCounts('waiting', 'active')).toEqual({ waiting: 1, active: 0 });
});

test('what a handler throws is seen without an onError, and none of what it says', async () => {
  const { client, url, prefix } = startClient();
  const { announce } = announcer(url, prefix);
  const warned = once(process, 'warning');
  let attempts = 0;
  client.onCompletion(() => {
    attempts += 1;
    if (attempts < 4) throw new RangeError('canary 4711 is no name');
  });
  await announce('loud');
  const [warning] = await warned;
  expect(warning.name).toBe('AtlasBatchWarning');
  expect(warning.message).toMatch(/handler of completion event done-loud failed \(RangeError\)/);
  expect(inspect(warning, { depth: 20, showHidden: true })).not.toContain('canary');
  const more: string[] = [];
  const note = ({ message }: Error) => void more.push(message);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  await waitUntil('the fourth attempt', () => attempts === 4);
  // Those of the next seconds are counted in one.
  expect(more).toEqual([]);
});

test('a handler that is given while Redis is away gets events when it is there', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const { client, url, prefix } = startClient({ url: redis.url, prefix: '{away}' });
  await redis.kill();
  const [handler, onError] = [vi.fn(), vi.fn()];
  const emitted = vi.spyOn(Worker.prototype, 'emit');
  onTestFinished(() => emitted.mockRestore());
  client.onCompletion(handler, { onError });
  const attempts = () => emitted.mock.calls.filter(([event]) => event === 'error');
  await waitUntil('attempts to connect', () => attempts().length > 3);
  const [[error, eventId] = []] = onError.mock.calls;
  expect(error).toBeInstanceOf(RedisUnavailableError);
  expect(error.message).toBe(`Redis at ${new URL(url).host} does not answer (ECONNREFUSED)`);
  expect(eventId).toBeNull();
  expect(onError).toHaveBeenCalledOnce();
  await redis.restart();
  await announcer(url, prefix).announce('late');
  await waitUntil('the event', () => handler.mock.calls.length === 1);
});
