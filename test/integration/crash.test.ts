import { expect, it } from 'vitest';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

it('every batch ends exactly once after its worker was killed', async () => {
  const system = await startSystem({
    atlas: { completionMs: ({ random }) => 500 + 2500 * random() },
  });
  const references = Array.from({ length: 20 }, (_, i) => `crash-${i}`);
  const first = await system.startWorkerProcess();
  await Promise.all(references.map((reference) => system.submit(reference, 5)));
  await waitUntil('uploads in flight', () => [...system.atlas.batches()].length >= 5);
  first.signal('SIGKILL');
  expect(await first.exited).toBe('SIGKILL');

  await system.startWorker();
  for (const reference of references) {
    const { data } = await system.event(`done-${reference}`);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5, missing: [] } });
    expect(await system.completions.getJob(`done-${reference}~2`)).toBeUndefined();
  }
  expect(await system.completions.getJobCounts('wait')).toEqual({ wait: references.length });
});

it('a worker gives its jobs back on SIGTERM, exits with 0, and another worker ends them', async () => {
  const system = await startSystem({ atlas: { completionMs: 1500 } });
  const first = await system.startWorkerProcess();
  await Promise.all(Array.from({ length: 10 }, (_, i) => system.submit(`stop-${i}`, 3)));
  await waitUntil('an upload in flight', () => [...system.atlas.batches()].length > 0);
  first.signal('SIGTERM');
  expect(await first.exited).toBe(0);
  expect(await system.batches.getJobCounts('active')).toEqual({ active: 0 });
  expect(await system.pollJobs.getJobCounts('active')).toEqual({ active: 0 });

  await system.startWorker();
  for (let i = 0; i < 10; i += 1) {
    expect((await system.event(`done-stop-${i}`)).data.status).toBe('completed');
  }
  expect([...system.atlas.batches()]).toHaveLength(10);
});

it('a killed worker is replaced by one that runs beside it', async () => {
  const system = await startSystem();
  // The response to the upload never comes: the batch is active in the first worker.
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'hang', times: 1 }] });
  const first = await system.startWorkerProcess();
  await system.submit('orphan', 1);
  await waitUntil('the upload that hangs', () => system.atlas.requestLog('authtoken').length > 0);
  await waitUntil('the batch on its way', async () => {
    const job = await system.batches.getJob('batch-orphan');
    return JSON.stringify(job?.progress).includes('sending');
  });
  await system.startWorker();
  await first.kill();
  // With BullMQ's own lock and check this takes up to 90 s; `bench` measures ours.
  await waitUntil(
    'another worker on the batch',
    async () => ((await system.batches.getJob('batch-orphan'))?.attemptsStarted ?? 0) > 1,
  );
  expect((await system.event('done-orphan')).name).toBe('batch.completed');
});
