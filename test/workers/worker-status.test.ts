import { expect, test } from 'vitest';
import type { WriteGate } from '../../src/redis/write-gate.js';
import { WorkerStatus } from '../../src/workers/worker-status.js';

test('a worker whose connection is broken is not live, but while it holds an unsaved response', async () => {
  const status = new WorkerStatus();
  status.writes = { isBroken: async () => true } as unknown as WriteGate;
  const sentUploads = { size: 1 };
  status.sentUploads = sentUploads;
  expect(await status.whyNotLive()).toEqual([]);
  sentUploads.size = 0;
  expect(await status.whyNotLive()).toEqual([expect.stringContaining('Redis')]);
});
