/** Poll jobs and events that somebody else removes. */
import { Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce, expectStoredAsAtlasHasIt } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Nothing arrives at Atlas until the test says so. */
const LATER = { completionMs: 3_600_000 };

/** The one poll job, while it sleeps. */
async function sleepingPoll({ pollJobs }: System) {
  return waitUntil('a poll that sleeps', async () => (await pollJobs.getDelayed())[0]);
}

it.each([
  {
    by: 'job.remove()',
    remove: async (system: System) => (await sleepingPoll(system)).remove(),
  },
  {
    by: 'queue.drain(true)',
    remove: async (system: System) => {
      await sleepingPoll(system);
      await system.pollJobs.drain(true);
    },
  },
])('a batch is polled again when its poll job was removed by hand, by $by', async ({ remove }) => {
  const system = await startSystem({
    atlas: LATER,
    environment: { POLL_MIN_MS: '1000', POLL_MAX_MS: '1000' },
  });
  await system.startWorker();
  const request = await system.submit('removed', 3);
  await batchesInFlight(system);
  const { id, timestamp } = await sleepingPoll(system);
  await remove(system);
  const again = await waitUntil('the poll job again', () => system.pollJobs.getJob(id ?? ''));
  expect(again.timestamp).toBeGreaterThan(timestamp);

  system.atlas.completeNow();
  expect((await system.event('done-removed')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  await expectStoredAsAtlasHasIt(system, [request]);
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('an event is not added again that its consumer took and removed', async () => {
  const system = await startSystem();
  const taken: (string | undefined)[] = [];
  const consumer = new Worker(
    'atlas-completions',
    async (job) => {
      taken.push(job.id);
    },
    { connection: system.redis.duplicate({ maxRetriesPerRequest: null }), prefix: system.prefix },
  );
  consumer.on('completed', (job) => void job.remove());
  onTestFinished(() => consumer.close());
  await system.startWorker();
  await system.submit('taken', 2);
  await allJobsEnded(system, 1);
  await waitUntil('a taken event', async () => {
    return taken.length === 1 && !(await system.completions.getJob('done-taken'));
  });

  await (await system.batches.getJob('batch-taken'))?.retry('completed');
  await waitUntil('the end of the run that was asked for', async () => {
    const job = await system.batches.getJob('batch-taken');
    return job?.attemptsMade === 2 && job.finishedOn !== undefined;
  });
  expect((await system.batches.getJob('batch-taken'))?.returnvalue).toMatchObject({
    status: 'completed',
  });
  // Whatever a consumer still could be given would come before this.
  await system.submit('later', 1, 'later-');
  await waitUntil('a later event', () => taken.includes('done-later'));
  expect(taken).toEqual(['done-taken', 'done-later']);
  expect(system.atlas.uploads()).toHaveLength(2);
});
