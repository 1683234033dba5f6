/** Jobs whose state a newer version of this package wrote. */
import { expect, it } from 'vitest';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Nothing arrives at Atlas until the test says so. */
const LATER = { completionMs: 3_600_000 };

it('a batch whose state a newer version wrote is given back', async () => {
  const system = await startSystem();
  const request = await system.submit('newer', 2);
  const job = await system.batches.getJob('batch-newer');
  await job?.updateProgress({ v: 2, stages: [] });
  await system.startWorker();
  await waitUntil('a batch that was given back', async () => {
    return (await system.batches.getDelayedCount()) === 1;
  });
  expect((await system.batches.getJob('batch-newer'))?.progress).toEqual({ v: 2, stages: [] });
  expect(system.atlas.uploads()).toEqual([]);
  expect(await system.completions.count()).toBe(0);

  await job?.updateProgress(0);
  await (await system.batches.getJob('batch-newer'))?.promote();
  expect((await system.event('done-newer')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it('a poll job whose state a newer version wrote is given back', async () => {
  const system = await startSystem({
    atlas: LATER,
    environment: { POLL_MIN_MS: '1000', POLL_MAX_MS: '1000' },
  });
  await system.startWorker();
  const request = await system.submit('newer', 2);
  const poll = await waitUntil('a poll that has polled', async () => {
    const [found] = await system.pollJobs.getDelayed();
    return found?.progress ? found : null;
  });
  const { progress } = poll;
  await poll.updateProgress({ v: 2 });
  const polls = system.atlas.requests.count('extracts');
  await poll.promote();
  await waitUntil('a poll that was given back', async () => {
    const found = await system.pollJobs.getJob(poll.id ?? '');
    return (
      found !== undefined &&
      found.attemptsStarted > poll.attemptsStarted &&
      (await found.isDelayed())
    );
  });
  expect(system.atlas.requests.count('extracts')).toBe(polls);

  await poll.updateProgress(progress);
  system.atlas.completeNow();
  await (await system.pollJobs.getJob(poll.id ?? ''))?.promote();
  expect((await system.event('done-newer')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});
