import { Command, Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { startedKey } from '../../src/jobs/keys/redis-keys.js';
import { runCommand } from '../cli/run-command.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const HOUR_MS = 3_600_000;
const DEADLINE_MS = 4_000;
const ENVIRONMENT = { BATCH_DEADLINE_MS: String(DEADLINE_MS), RESUBMIT_MISSING: '0' };

function clientOf({ environment, prefix }: System) {
  const client = createAtlasBatchClient({ redisUrl: environment.REDIS_URL ?? '', prefix });
  onTestFinished(() => client.close());
  return client;
}

it('a batch at Atlas that is given more time ends when its documents come, and its neighbour at its deadline', async () => {
  const system = await startSystem({
    atlas: { completionMs: 2 * DEADLINE_MS },
    environment: ENVIRONMENT,
  });
  const requests = [await system.submit('given', 2, 'g-'), await system.submit('other', 2, 'o-')];
  const client = clientOf(system);
  await system.startWorker();
  await batchesInFlight(system, 2);
  expect(await client.extendDeadline('given', HOUR_MS)).toMatchObject({ status: 'extended' });
  expect((await system.event('done-other')).data.reason?.code).toBe('INCOMPLETE');
  expect((await system.event('done-given')).name).toBe('batch.completed');
  await expectAllEndedOnce(system, requests);
});

it('a batch that is given more time before it has begun waits out an outage that ends its neighbour', async () => {
  const system = await startSystem({ environment: ENVIRONMENT });
  system.atlas.setFaults({ rules: [{ fault: 503 }] });
  await system.submit('given', 2, 'g-');
  await system.submit('other', 2, 'o-');
  const client = clientOf(system);
  const extended = { status: 'extended', reference: 'given' };
  const given = await Promise.all([1, 2].map(() => client.extendDeadline('given', HOUR_MS)));
  expect(given).toEqual([
    { ...extended, extendedMs: HOUR_MS },
    { ...extended, extendedMs: 2 * HOUR_MS },
  ]);
  await system.startWorker();
  expect((await system.event('done-other')).data.reason?.code).toBe('ATLAS_UNAVAILABLE');
  system.atlas.setFaults({ rules: [] });
  expect((await system.event('done-given')).name).toBe('batch.completed');
});

it('a batch whose producer gave it a timestamp with a fraction is given more time', async () => {
  const system = await startSystem({
    atlas: { completionMs: 1.5 * DEADLINE_MS },
    environment: ENVIRONMENT,
  });
  const { redis, prefix, batches } = system;
  const request = await system.request('given', 2);
  await batches.add('batch', request, { jobId: 'batch-given', timestamp: Date.now() + 0.5 });
  const client = clientOf(system);
  for (const extendedMs of [HOUR_MS, 2 * HOUR_MS])
    expect((await client.extendDeadline('given', HOUR_MS)).extendedMs).toBe(extendedMs);
  await system.startWorker();
  await batchesInFlight(system);
  const startedAt = Number(await redis.zscore(startedKey(prefix), 'batch-given'));
  expect(startedAt).toBeGreaterThan(Date.now() + HOUR_MS);
  expect((await system.event('done-given')).name).toBe('batch.completed');
});

it('more time is given to the batch that is there, and not to a later one of the same reference', async () => {
  const system = await startSystem();
  await system.submit('again', 1);
  const client = clientOf(system);
  await client.extendDeadline('again', HOUR_MS);
  await system.batches.remove('batch-again');
  await system.submit('again', 1);
  expect((await client.extendDeadline('again', 1)).extendedMs).toBe(1);
});

it('more time is given once for a request that the connection repeats, and for each of two that are the same', async () => {
  const system = await startSystem();
  await system.submit('given', 1);
  const client = clientOf(system);
  const { sendCommand } = Redis.prototype;
  const spy = vi.spyOn(Redis.prototype, 'sendCommand').mockImplementation(function (
    this: Redis,
    command,
    target,
  ) {
    const sent = sendCommand.call(this, command, target) as Promise<unknown>;
    const { name, args } = command;
    if (!args.includes(`${system.prefix}:extension:given`)) return sent;
    // As ioredis does it when the connection broke before the reply came.
    const again = () => sendCommand.call(this, new Command(name, args, { replyEncoding: 'utf8' }));
    return sent.then(again);
  });
  onTestFinished(() => spy.mockRestore());
  for (const extendedMs of [HOUR_MS, 2 * HOUR_MS])
    expect(await client.extendDeadline('given', HOUR_MS)).toMatchObject({
      status: 'extended',
      extendedMs,
    });
});

it('the command line gives more time, and refuses a batch that has ended or is not known, and what is no time', async () => {
  const system = await startSystem();
  await system.submit('ended', 1);
  const extend = (...args: string[]) =>
    runCommand(['deadline', 'extend', ...args], system.environment);
  const given = await extend('ended', '90m');
  expect([given.code, given.stdout]).toEqual([
    0,
    'ended has 1 h 30 min more than BATCH_DEADLINE_MS\n',
  ]);
  await system.startWorker();
  await system.event('done-ended');
  const ended = await extend('ended', '2h');
  expect([ended.code, ended.stderr]).toEqual([1, 'ended has ended already\n']);
  const unknown = await extend('nope', '2h', '--json');
  expect([unknown.code, unknown.stdout]).toEqual([1, '{"status":"unknown","reference":"nope"}\n']);
  expect(await extend('ended', '31d')).toMatchObject({ code: 2 });
  await expect(clientOf(system).extendDeadline('ended', Number.NaN)).rejects.toThrow(
    'at most 30 days',
  );
});

it('batches that were given more time before they began, in line and at Atlas are behind the others in the list by deadline', async () => {
  const system = await startSystem({
    atlas: { completionMs: HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '4' },
  });
  const client = clientOf(system);
  const byDeadline = async () =>
    (await client.list({ sort: 'deadline' })).batches.map(({ reference }) => reference);
  await system.submit('unbegun', 1, 'u-');
  await client.extendDeadline('unbegun', HOUR_MS);
  await system.submit('taking-room', 2, 't-');
  await system.submit('retried', 1, 'r-');
  await system.startWorker();
  await batchesInFlight(system, 3);
  await client.extendDeadline('retried', 2 * HOUR_MS);
  await system.submit('in-line', 1, 'l-');
  await waitUntil(
    'one in line',
    async () => (await client.status('in-line').catch(() => null))?.state === 'in-line',
  );
  await client.extendDeadline('in-line', HOUR_MS);
  await system.submit('other', 1, 'o-');
  await client.cancel('taking-room', 'it takes room');
  await system.event('done-taking-room');
  await batchesInFlight(system, 4);
  expect(await byDeadline()).toEqual(['other', 'unbegun', 'in-line', 'retried']);
  // A retry has that much more time too.
  await client.cancel('retried', 'to retry it');
  await system.event('done-retried');
  await client.retry('retried');
  await waitUntil('four have begun', async () => (await byDeadline()).length === 4);
  expect(await byDeadline()).toEqual(['other', 'unbegun', 'in-line', 'retried']);
});
