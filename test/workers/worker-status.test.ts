import { expect, test } from 'vitest';
import type { WriteGate } from '../../src/redis/write-gate.js';
import { WorkerStatus } from '../../src/workers/worker-status.js';

test('a worker whose connection is broken is not live, but while it holds an unsaved response', async () => {
  const status = new WorkerStatus();
  status.writes = { isBroken: async () => true } as unknown as WriteGate;
  const sentUploads = { size: 1, unknown: [] };
  status.sentUploads = sentUploads;
  expect(await status.whyNotLive()).toEqual([]);
  sentUploads.size = 0;
  expect(await status.whyNotLive()).toEqual([expect.stringContaining('Redis')]);
});

test('a worker that may not fetch jobs is not ready, and what the gate of writes says is not said twice', () => {
  const status = new WorkerStatus();
  status.notStarted = null;
  const refusedWith = (message: string) => {
    const refusedFetch = Object.assign(new Error(message), { name: 'ReplyError' });
    status.fetchers = [{ name: 'atlas-batches', activeJobs: 0, refusedFetch }];
    return status.whyNotReady();
  };
  expect(refusedWith('NOPERM no right')).toEqual([expect.stringContaining('no jobs are fetched')]);
  expect(refusedWith('OOM command not allowed')).toEqual([]);
  status.writes = { refusal: 'OOM; it is full' } as WriteGate;
  expect(status.whyNotReady()).toEqual(['Redis refuses writes: OOM; it is full']);
});

test('a worker that is not ready says what it waits for before its start, and then that it is starting', () => {
  const status = new WorkerStatus();
  expect(status.whyNotReady()).toEqual([
    'the worker has not started: it waits for its configuration',
  ]);
  status.notStarted = 'is starting';
  expect(status.whyNotReady()).toEqual(['the worker is starting']);
  status.notStarted = null;
  expect(status.whyNotReady()).toEqual([]);
});
