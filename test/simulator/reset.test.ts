import { expect, it, onTestFinished } from 'vitest';
import { startSimulators } from '../../src/simulator/index.js';
import { AtlasCaller } from './atlas/atlas-caller.js';

it('reset forgets faults, batches, tokens, counts and objects, and keeps the ports', async () => {
  const simulators = await startSimulators({
    atlas: { fetchUrls: false, completionMs: 0 },
    s3: { buckets: ['kyc'] },
  });
  onTestFinished(() => simulators.stop());
  const { atlas, s3 } = simulators;
  const caller = new AtlasCaller(atlas);
  await caller.logIn();
  const batchId = await caller.submit(['001']);
  atlas.setFaults({ rules: [{ fault: 503 }] });
  expect((await caller.extracts(batchId)).status).toBe(503);
  s3.put('kyc', 'pan.jpg', 'scan');
  s3.put('other', 'pan.jpg', 'scan');

  simulators.reset();
  expect([...atlas.batches()]).toEqual([]);
  expect(atlas.uploads()).toEqual([]);
  expect(atlas.requestLog()).toEqual([]);
  expect(atlas.requests.table()).toEqual({});
  expect([atlas.bytesSent(), atlas.faultsFired()]).toEqual([0, {}]);
  expect([s3.list('kyc'), s3.list('other')]).toEqual([[], []]);
  expect((await caller.extracts(batchId)).status).toBe(401);

  await caller.logIn();
  expect((await caller.extracts(batchId)).status).toBe(404);
  expect(await caller.submit(['001'])).not.toBe(batchId);
});

it('reset forgets what became of callbacks', async () => {
  const { reset, stop, atlas } = await startSimulators({
    atlas: {
      fetchUrls: false,
      completionMs: 0,
      callback: {
        authUrl: 'http://127.0.0.1:9/token',
        callbackUrl: 'http://127.0.0.1:9/',
        clientId: 'id',
        clientSecret: 'secret',
        dropRate: 1,
      },
    },
  });
  onTestFinished(stop);
  const caller = new AtlasCaller(atlas);
  await caller.logIn();
  await caller.submit(['001']);
  expect(atlas.callbackCounts().dropped).toBe(1);
  reset();
  expect(atlas.callbackCounts()).toEqual({ delivered: 0, dropped: 0, failed: 0 });
});
