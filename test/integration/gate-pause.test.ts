/** A pause of sending ends by itself, and outlives what it stops. */
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { clientOf } from '../client/test-client.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { hosted, type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { createServer } from '../server/test-server.js';

async function inLine({ redis, prefix }: System, count: number): Promise<void> {
  const line = `${prefix}:gate-line`;
  await waitUntil(`${count} in line`, async () => (await redis.zcard(line)) === count);
}

it.each([
  { limit: 'without a limit', environment: {} },
  { limit: 'with a limit', environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '3' } },
])(
  'a pause ends at its time by itself, $limit, and all in line is sent',
  async ({ environment }) => {
    const system = await startSystem({ environment });
    const { atlas, redis } = system;
    await system.startWorker();
    const { until } = await clientOf(system).pause({ forMs: 3000 });
    const requests = [];
    for (let n = 0; n < 5; n += 1) requests.push(await system.submit(`b${n}`, 1, `b${n}-`));
    await inLine(system, 5);
    expect(atlas.uploads()).toEqual([]);
    await waitUntil('the first upload', () => atlas.uploads().length > 0);
    expect(Number((await redis.time())[0]) + 1).toBeGreaterThan(Date.parse(String(until)) / 1000);
    for (const { reference } of requests)
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    await expectAllEndedOnce(system, requests);
  },
);

it('a pause outlives a restart of Redis and of the worker, and keeps more workers from being started', async () => {
  const own = await startPrivateRedis({ appendOnly: true, appendfsync: 'always' });
  onTestFinished(() => own.stop());
  const system = await startSystem({ redisUrl: own.url });
  const client = clientOf(system);
  const worker = await system.startWorkerProcess();
  await client.pause({ reason: 'maintenance' });
  for (const reference of ['a', 'b']) await system.submit(reference, 1, `${reference}-`);
  await inLine(system, 2);
  await own.kill();
  await worker.kill();
  await own.restart();
  const other = await system.startWorker();
  await system.submit('c', 1, 'c-');
  await inLine(system, 3);
  expect(await client.paused()).toMatchObject({ reason: 'maintenance', until: null });
  const { server } = await createServer(system.environment, { worker: hosted(other) });
  const { body } = await server.app.inject('/metrics');
  // By these autoscalers count: what waits for the end of a pause is no work for them.
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="wait"} 0');
  expect(body).toContain('atlas_batch_jobs{queue="atlas-batches",state="prioritized"} 0');
  expect(body).toContain('atlas_batch_paused 1');
  expect(system.atlas.uploads()).toEqual([]);
  await client.resume();
  for (const reference of ['a', 'b', 'c'])
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
});
