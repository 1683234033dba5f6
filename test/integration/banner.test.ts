/** What a real worker meets and writes is what every page of the dashboard says, from Redis alone. */
import { expect, it } from 'vitest';
import { heartbeatsKey } from '../../src/jobs/keys/redis-keys.js';
import { promoteIfDelayed } from '../../src/redis/promote.js';
import { type System, type SystemOptions, startSystem } from '../helpers/system.js';
import { startTcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { AUTHORIZATION, CALLBACKS, createServer, LOGIN } from '../server/test-server.js';

/** The failures of so many open the circuit, and callbacks missed by so many are no chance. */
const MANY = 20;
const TEN_MINUTES_MS = 600_000;
/** The clock of Redis, as a worker reckons it, may be off by a part of a second. */
const CLOCK_MS = 1000;

/** A system, and its dashboard in a process that has no worker. */
async function startWithPages(options: SystemOptions) {
  const system = await startSystem(options);
  const { server } = await createServer({ ...LOGIN, ...system.environment, PORT: '0' });
  const read = async () => {
    const headers = { authorization: AUTHORIZATION };
    const { body } = await server.app.inject({ url: '/dashboard/workers', headers });
    const [, banner = ''] = /<div id="system"[^>]*>(.*?)<\/div>/s.exec(body) ?? [];
    return { body, banner };
  };
  /** @returns since when it is so. */
  const says = async (condition: string) => {
    const banner = await waitUntil(`a page that says: ${condition}`, async () => {
      const { banner } = await read();
      return banner.includes(condition) ? banner : undefined;
    });
    const [, since = ''] = /datetime="([^"]*)"/.exec(banner.slice(banner.indexOf(condition))) ?? [];
    return Date.parse(since);
  };
  const isQuiet = (alive = '1 worker<') =>
    waitUntil('pages that say nothing is wrong', async () => {
      const { body, banner } = await read();
      return body.includes(alive) && banner === '';
    });
  return { system, server, read, says, isQuiet };
}

const submitMany = async (system: System, name: string) => {
  const references = Array.from({ length: MANY }, (_, i) => `${name}-${i}`);
  await Promise.all(references.map((reference) => system.submit(reference, 1, `${reference}-`)));
  return references;
};

const redisNow = async ({ redis }: System) => Number((await redis.time())[0]) * 1000;

it('of a worker that has just begun its page says that it is starting, and not that it waits for the Redis that has told so', async () => {
  const { system, read } = await startWithPages({});
  await system.startWorker();
  const { body } = await read();
  // On a slow machine the next heartbeat may have come already.
  expect(body).toMatch(/the worker is starting|>Ready</);
  expect(body).not.toContain('waits for');
});

it('pages say since when Atlas does not answer or refuses the credentials, and that the webhook takes nothing, for as long as it is so', async () => {
  let status = 204;
  const receiver = await startReceiver(() => ({ status }));
  const { system, says, isQuiet } = await startWithPages({
    atlas: { fetchUrls: false },
    environment: {
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    },
  });
  const { atlas, redis, prefix } = system;
  const valve = await startTcpValve(Number(new URL(atlas.url).port));
  await system.startWorkerProcess({ ATLAS_BASE_URL: valve.url });
  await system.submit('first', 1);
  await system.event('done-first');
  await isQuiet();

  const refusedFrom = await redisNow(system);
  await valve.refuse();
  const during = await submitMany(system, 'outage');
  const silentSince = await says(
    'Atlas does not answer 1 of 1 worker (ATLAS_UNAVAILABLE). The circuit is open in 1',
  );
  expect(silentSince).toBeGreaterThan(refusedFrom - CLOCK_MS);
  await valve.admit();
  for (const reference of during) await system.event(`done-${reference}`);
  await isQuiet();

  atlas.setFaults({ rules: [{ endpoint: 'authtoken', fault: 401 }] });
  atlas.expireTokens();
  const withoutToken = await redisNow(system);
  await system.submit('refused', 1);
  const refusedSince = await says('Atlas refuses the client id and secret of 1 of 1 worker');
  expect(refusedSince).toBeGreaterThan(withoutToken - CLOCK_MS);
  atlas.clearFaults();
  // What one process has found out, all remember for some seconds.
  for (const key of await redis.keys(`${prefix}:token-refused:*`)) await redis.del(key);
  await system.event('done-refused');
  await isQuiet();

  status = 503;
  const failedFrom = await redisNow(system);
  await system.submit('untaken', 1);
  const failingSince = await says('receiver does not take events (503).');
  expect(failingSince).toBeGreaterThan(failedFrom - CLOCK_MS);
  status = 204;
  await isQuiet();
  expect(receiver.faults).toEqual([]);
});

it('once a worker has noticed that Atlas calls no more, batches end at the times that it has learnt, and pages say so until Atlas calls', async () => {
  let slowest = 1500;
  const { system, server, says, isQuiet } = await startWithPages({
    atlas: { fetchUrls: false, completionMs: ({ random }) => slowest * (0.6 + 0.4 * random()) },
    environment: {
      ...CALLBACKS,
      POLL_MIN_MS: '200',
      POLL_MAX_MS: String(TEN_MINUTES_MS),
    },
  });
  const { atlas, redis, prefix } = system;
  const { url } = await server.listen();
  const calling = {
    authUrl: `${url}/callbacks/atlas/token`,
    callbackUrl: `${url}/callbacks/atlas`,
    clientId: CALLBACKS.CALLBACK_CLIENT_ID,
    clientSecret: CALLBACKS.CALLBACK_CLIENT_SECRET,
  };
  atlas.setCallback(calling);
  await system.startWorkerProcess();
  for (const reference of await submitMany(system, 'called')) {
    expect((await system.event(`done-${reference}`)).data.polls, reference).toBe(1);
  }
  await isQuiet();

  atlas.setCallback({ ...calling, dropRate: 1 });
  await submitMany(system, 'silent');
  const sleeping = await waitUntil('polls that sleep', async () => {
    const polls = await system.pollJobs.getDelayed();
    return polls.length === MANY && polls;
  });
  atlas.completeNow();
  // Nobody waits here until the safety net finds them.
  for (const { id = '' } of sleeping) await promoteIfDelayed(system.pollJobs, id);
  await says('Atlas has stopped calling');
  // The worker reads that with its next heartbeat.
  const [id = ''] = await redis.zrange(heartbeatsKey(prefix), 0, '-1');
  const beat = () => redis.zscore(heartbeatsKey(prefix), id);
  const before = await beat();
  await waitUntil('a heartbeat', async () => (await beat()) !== before);

  // Later than the safety net expects: its next poll would come after ten minutes.
  slowest = 6000;
  for (const reference of await submitMany(system, 'polled')) {
    const { status, polls } = (await system.event(`done-${reference}`)).data;
    expect([reference, status]).toEqual([reference, 'completed']);
    expect(polls, reference).toBeGreaterThan(1);
  }
  await says('Atlas has stopped calling');

  slowest = 1500;
  atlas.setCallback(calling);
  await system.submit('called-again', 1);
  await system.event('done-called-again');
  await isQuiet();
});
