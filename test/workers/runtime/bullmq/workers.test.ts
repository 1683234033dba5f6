/** What workers call, give to processors and return, and which version of them. */
import { once } from 'node:events';
import { DelayedError, Worker } from 'bullmq';
import { expect, test } from 'vitest';
import manifest from '../../../../package.json' with { type: 'json' };
import { waitUntil } from '../../../helpers/wait-until.js';
import { LONG_MS, startBullmq } from './start-bullmq.js';

test('BullMQ is pinned to one version, and the methods that are overridden or called are those of its Worker', () => {
  expect(manifest.dependencies.bullmq).toMatch(/^\d+\.\d+\.\d+$/);
  for (const method of ['moveToActive', 'nextJobFromJobData', 'extendJobLocks']) {
    expect(Worker.prototype).toHaveProperty(method, expect.any(Function));
  }
});

test('a worker calls moveToActive for its first job and after a control error, with one token, and not after a job that ends', async () => {
  let fetched: string[] | undefined;
  const { add, worker, queue } = startBullmq(async (job, token = '') => {
    if (job.id === 'first') {
      await job.moveToDelayed(Date.now() + LONG_MS, token);
      throw new DelayedError();
    }
    if (job.id === 'third') fetched = [...worker.fetchTokens];
  });
  await worker.pause();
  for (const jobId of ['first', 'second', 'third']) await add(jobId);
  worker.fetchTokens.length = 0;
  await worker.resume();
  await waitUntil('the end of the third', async () => (await queue.getCompletedCount()) === 2);
  expect(fetched).toHaveLength(2);
  expect(new Set(fetched).size).toBe(1);
});

test('a worker gives a signal only to a processor that declares three parameters', async () => {
  const given: unknown[] = [];
  const undeclared = startBullmq((...args) => Promise.resolve(void given.push(args[2])));
  const declared = startBullmq((_job, _token, signal) => Promise.resolve(void given.push(signal)));
  for (const { add, queue } of [undeclared, declared]) {
    await add('one');
    await waitUntil('the end of the job', async () => (await queue.getCompletedCount()) === 1);
  }
  expect(given).toEqual([undefined, expect.objectContaining({ aborted: false })]);
});

test('a worker that is closed by force after it was closed returns the first, unforced promise', async () => {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { add, worker } = startBullmq(() => ended);
  const active = once(worker, 'active');
  const closing = once(worker, 'closing');
  await add('one');
  await active;
  let closed = false;
  const first = worker.close();
  await closing;
  const forced = worker.close(true).then(() => {
    closed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  end();
  await Promise.all([first, forced]);
});
