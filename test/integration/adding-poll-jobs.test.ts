/** What a batch does around the adding of its polls. */
import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { wakeKey } from '../../src/jobs/keys/redis-keys.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

/** Nothing arrives at Atlas until the test says so, and nobody polls by himself. */
const NEVER = {
  atlas: { completionMs: 3_600_000 },
  environment: { POLL_MIN_MS: '600000', POLL_MAX_MS: '600000' },
};

it('a batch reads what the outside wants, and waits, after the poll job that it adds', async () => {
  const system = await startSystem(NEVER);
  const sent: string[] = [];
  const { sendCommand } = Redis.prototype;
  const spy = vi.spyOn(Redis.prototype, 'sendCommand').mockImplementation(function (
    this: Redis,
    command,
    target,
  ) {
    sent.push([command.name, ...command.args].join(' '));
    return sendCommand.call(this, command, target);
  });
  onTestFinished(() => spy.mockRestore());
  await system.startWorker();
  // Scripts that Redis does not know yet are sent twice.
  await system.submit('warm-up', 1, 'warm-up-');
  await batchesInFlight(system);
  await system.submit('told', 1, 'told-');
  await batchesInFlight(system, 2);

  const at = (...texts: string[]) =>
    sent.findLastIndex((command) => texts.every((text) => command.includes(text)));
  const added = at(':atlas-polls:delayed', 'batch-told');
  const movedAndRead = at(':cancel:told', ':wake:told', ':owner:', 'batch-told');
  expect(added).toBeGreaterThan(-1);
  expect(movedAndRead).toBeGreaterThan(added);
});

it('an upload is refused whose Atlas batch was of another batch that ended, also when its poll job goes just then', async () => {
  const system = await startSystem({ atlas: { completionMs: 0 } });
  let adds = () => {};
  const adding = new Promise<void>((resolve) => {
    adds = resolve;
  });
  let prunes = () => {};
  const pruned = new Promise<void>((resolve) => {
    prunes = resolve;
  });
  const { sendCommand } = Redis.prototype;
  const spy = vi.spyOn(Redis.prototype, 'sendCommand').mockImplementation(function (
    this: Redis,
    command,
    target,
  ) {
    const send = () => sendCommand.call(this, command, target);
    const text = [command.name, ...command.args].join(' ');
    // The poll jobs of batches that ended go when the second batch is about to add its own, which waits for that.
    if (text.includes(`${system.prefix}:owner:`) && text.includes(':processed')) {
      // Scripts that Redis does not know yet are refused, and sent as a whole.
      adding.then(send).then(prunes, () => {});
      return command.promise;
    }
    if (!text.includes(':atlas-polls:delayed') || !text.includes('batch-second')) return send();
    adds();
    pruned.then(send).catch(() => {});
    return command.promise;
  });
  onTestFinished(() => spy.mockRestore());
  await system.startWorker();
  const owner = await system.submit('owner', 2, 'owner-');
  await system.event('done-owner');

  system.atlas.setFaults({ rules: [{ fault: 'same-batch-id' }] });
  const second = await system.submit('second', 2, 'second-');
  expect((await system.event('done-second')).data.reason).toMatchObject({
    code: 'ATLAS_PROTOCOL',
    message: expect.stringMatching(/belongs to another batch/),
  });
  expect(await system.pollJobs.getJobCountByTypes()).toBe(0);
  await allJobsEnded(system, 2);
  await expectAllEndedOnce(system, [owner, second]);
});

it('a poll job that is added again polls at once when a callback came meanwhile', async () => {
  const system = await startSystem(NEVER);
  await system.startWorker();
  const request = await system.submit('rung', 2);
  await batchesInFlight(system);
  const poll = await waitUntil('a poll', async () => (await system.pollJobs.getDelayed())[0]);
  system.atlas.completeNow();
  await system.redis.set(wakeKey(system.prefix, 'rung'), Date.now());
  await poll.remove();
  expect((await system.event('done-rung')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});

it('an upload is polled, and keeps its room, whose worker died before it added the poll job, also while the others of its batch are in line', async () => {
  const system = await startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1' },
  });
  const { atlas, batches, pollJobs, redis, prefix } = system;
  await system.startWorker();
  const request = await system.submit('torn', 2);
  const holders = () => redis.hvals(`${prefix}:gate-holders`);
  const inLine = () => waitUntil('a batch in line', async () => (await holders()).length === 1);
  await inLine();
  const poll = await waitUntil('a poll job', async () => (await pollJobs.getDelayed())[0]);
  // As when the worker had saved that Atlas has the upload, and nothing more.
  await redis.del(`${prefix}:gate-holders`);
  await poll.remove();
  await (await batches.getJob('batch-torn'))?.promote();
  await waitUntil('a poll job again', async () => (await pollJobs.getDelayedCount()) === 1);
  await inLine();
  expect(atlas.uploads()).toHaveLength(1);
  expect(await redis.zcard(`${prefix}:gate-in-flight`)).toBe(1);
  expect(await holders()).toEqual([poll.id]);
  atlas.completeNow();
  await waitUntil('the other upload', () => atlas.uploads().length === 2);
  atlas.completeNow();
  expect((await system.event('done-torn')).name).toBe('batch.completed');
  await allJobsEnded(system, 1);
  await expectAllEndedOnce(system, [request]);
});
