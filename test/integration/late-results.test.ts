import { expect, it } from 'vitest';
import { openQueues } from '../../src/batches/client-queues.js';
import { wakeBatch } from '../../src/batches/wake.js';
import { openLink } from '../../src/redis/client-link.js';
import { clientOf } from '../client/test-client.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { announced, readResults } from '../helpers/invariants.js';
import { connectionTo } from '../helpers/redis.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const HOUR_MS = 3_600_000;

/** Atlas has the second document when the test says so, and the batch ends before that. */
function startLate(forMs: number): Promise<System> {
  return startSystem({
    atlas: { completionMs: ({ documentId }) => (documentId === '002' ? HOUR_MS : 0) },
    environment: {
      // Time enough for a busy machine to send it.
      BATCH_DEADLINE_MS: '3000',
      RESUBMIT_MISSING: '1',
      LATE_RESULTS_FOR_MS: String(forMs),
    },
  });
}

const uploadsOf = ({ atlas }: System) => [...atlas.batches()].length;

function hasEnded({ batches }: System) {
  return waitUntil('its end', async () => {
    const job = await batches.getJob('batch-slow');
    return job?.finishedOn === undefined ? null : job;
  });
}

async function watchOf({ pollJobs }: System) {
  const jobs = await pollJobs.getJobs(['delayed', 'wait', 'active']);
  return jobs.find(({ name }) => name === 'watch');
}

it('a document that comes after the end is stored, and announced as a second outcome, and nothing is sent again', async () => {
  const system = await startLate(64_000);
  await system.startWorker();
  await system.submit('slow', 2);
  const first = await system.event('done-slow');
  expect(first.data).toMatchObject({ status: 'failed', reason: { code: 'INCOMPLETE' } });
  expect(first.data.late).toBeUndefined();
  const uploads = uploadsOf(system);
  // It polls at 1/32 of the time for the first time.
  const watch = await waitUntil('the watch', () => watchOf(system));
  expect(watch.delay).toBeGreaterThan(1000);
  expect(watch.delay).toBeLessThanOrEqual(2000);
  system.atlas.completeNow();
  const { name, data } = await system.event('done-slow~2', 30_000);
  expect(name).toBe('batch.completed');
  expect(data).toMatchObject({ late: true, documents: { present: 2, missing: [] } });
  const stored = data.results.flatMap((uri) => readResults(system, uri).documents);
  expect(new Set(stored.map(({ documentId }) => documentId)).size).toBe(2);
  expect(uploadsOf(system)).toBe(uploads);
  // The outcome is noted a moment after its event is added.
  await hasEnded(system);
  expect(await announced(system)).toEqual(['done-slow', 'done-slow~2']);
});

it('a callback wakes the watch of a batch that has ended', async () => {
  const system = await startLate(100 * HOUR_MS);
  await system.startWorker();
  await system.submit('slow', 2);
  await system.event('done-slow');
  await hasEnded(system);
  const link = openLink(connectionTo(system.environment.REDIS_URL ?? ''));
  const queues = openQueues(link, system.prefix);
  system.atlas.completeNow();
  expect(await wakeBatch(queues, 'slow')).toBe('woken');
  const { data } = await system.event('done-slow~2');
  expect(data).toMatchObject({ status: 'completed', late: true });
  await hasEnded(system);
  expect(await wakeBatch(queues, 'slow')).toBe('ended');
  await queues.close();
  link.close();
});

it('a retry by an operator while late documents are awaited is no late one, and ends the watch', async () => {
  const system = await startLate(100 * HOUR_MS);
  await system.startWorker();
  await system.submit('slow', 2);
  await system.event('done-slow');
  const job = await hasEnded(system);
  const watch = await waitUntil('the watch', () => watchOf(system));
  await job.retry();
  const { data } = await system.event('done-slow~2');
  expect(data.late).toBeUndefined();
  const { logs } = await system.batches.getJobLogs('batch-slow');
  expect(logs.join('\n')).toContain('retried by an operator');
  // The old watch is over when its time comes, and another one awaits from the second end on.
  await hasEnded(system);
  await watch.promote();
  const next = await waitUntil('another watch', async () => {
    const found = await watchOf(system);
    return found && found.id !== watch.id ? found : null;
  });
  expect(next.data.since).toBeGreaterThan(watch.data.since);
});

it('a batch that is erased while late documents are awaited leaves no watch', async () => {
  const system = await startLate(100 * HOUR_MS);
  await system.startWorker();
  await system.submit('slow', 2);
  await system.event('done-slow');
  await hasEnded(system);
  await waitUntil('the watch', () => watchOf(system));
  expect((await clientOf(system).erase('slow')).status).toBe('erased');
  expect(await watchOf(system)).toBeUndefined();
  expect(await dumpRedis(system.redis, system.prefix)).not.toContain('slow');
});

it('a wait for late documents over which workers die again and again is given up, and says so', async () => {
  const system = await startLate(64_000);
  const { metrics } = await system.startWorker();
  await system.submit('slow', 2);
  await system.event('done-slow');
  const watch = await waitUntil('the watch', () => watchOf(system));
  const deaths = 6;
  const lost = { stalls: deaths, holder: 'gone', suspects: [], deaths, waitedFor: deaths - 1 };
  const state = { v: 1, polledAt: null, failures: 0, lost };
  const key = system.pollJobs.toKey(watch.id ?? '');
  await system.redis.hset(key, { progress: JSON.stringify(state), stc: deaths });
  const polls = system.atlas.requests.count('extracts');
  await waitUntil('its end', async () => (await watchOf(system)) === undefined);
  expect(system.atlas.requests.count('extracts')).toBe(polls);
  expect(await metrics.registry.getSingleMetricAsString('atlas_batch_deadly_jobs_total')).toContain(
    '{kind="watch"} 1',
  );
});
