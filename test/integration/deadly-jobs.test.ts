/** Jobs that kill every worker that runs them. */
import { expect, it } from 'vitest';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Nothing arrives at Atlas until the test says so. */
const LATER = { completionMs: 3_600_000 };
/** As many as the processors let a job's workers die. */
const TOO_MANY_STALLS = 20;
/** The field in which BullMQ counts how often a job has stalled, for all of its life. */
const STALLS_FIELD = 'stc';

/** Makes a job one whose workers have died as often as they may. */
async function markAsDeadly(system: System, queue: string, jobId = ''): Promise<void> {
  const key = `${system.prefix}:${queue}:${jobId}`;
  expect(await system.redis.exists(key)).toBe(1);
  await system.redis.hset(key, STALLS_FIELD, TOO_MANY_STALLS);
}

it('a batch that kills every worker before it has saved anything ends', async () => {
  const system = await startSystem();
  const request = await system.submit('deadly', 2);
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly');
  await system.startWorker();
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL', message: expect.stringContaining(`died ${TOO_MANY_STALLS} times`) },
    documents: { total: 2, present: 0, missing: ['001', '002'] },
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
  expect(system.atlas.uploads()).toEqual([]);
});

it('a batch that kills every worker once its polls have ended ends with what they stored', async () => {
  const system = await startSystem({ atlas: LATER });
  await system.startWorker();
  const request = await system.submit('deadly', 2);
  await batchesInFlight(system);
  await markAsDeadly(system, 'atlas-batches', 'batch-deadly');
  system.atlas.completeNow();
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL' },
    documents: { total: 2, present: 2, missing: [] },
    results: [expect.stringContaining('/deadly/')],
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);

  await (await system.batches.getJob('batch-deadly'))?.retry('failed');
  expect((await system.event('done-deadly~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
});

it.each([
  { polled: 'before its first poll', minMs: 1000 },
  { polled: 'after some polls', minMs: 50 },
])('a poll job that kills every worker $polled ends, and its batch goes on', async ({ minMs }) => {
  const system = await startSystem({
    atlas: LATER,
    environment: { POLL_MIN_MS: `${minMs}`, POLL_MAX_MS: '1000', RESUBMIT_MISSING: '0' },
  });
  await system.startWorker();
  const request = await system.submit('deadly', 2);
  const poll = await waitUntil('a poll that sleeps', async () => {
    const [found] = await system.pollJobs.getDelayed();
    return found && (minMs === 1000 || found.progress) ? found : null;
  });
  await markAsDeadly(system, 'atlas-polls', poll.id);
  const { name, data } = await system.event('done-deadly');
  expect(name).toBe('batch.failed');
  expect(data).toMatchObject({
    reason: { code: 'INTERNAL', message: expect.stringContaining(`died ${TOO_MANY_STALLS} times`) },
    documents: { present: 0, missing: ['001', '002'] },
    results: [],
  });
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);

  system.atlas.completeNow();
  await (await system.batches.getJob('batch-deadly'))?.retry('failed');
  expect((await system.event('done-deadly~2')).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
});
