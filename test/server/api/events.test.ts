import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import type { BatchStatus } from '../../../src/batches/status/status.js';
import { outcomesKey } from '../../../src/jobs/keys/redis-keys.js';
import { fieldsOfOutcome } from '../../../src/jobs/outcome-entry.js';
import type { Progress } from '../../../src/server/api/feeds/progress-feed.js';
import type { ApiCall, ApiServices } from '../../../src/server/api/operation.js';
import { followEvents } from '../../../src/server/api/operations/follow-events.js';
import { startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { startApi, TOKENS } from './test-api.js';

vi.setConfig({ testTimeout: 60_000 });

interface Event {
  event: string;
  id: string | undefined;
  data: Record<string, unknown>;
}

/** A stream of events of the API, and what has come of it. */
async function follow(url: string, as: string, headers: Record<string, string> = {}, query = '') {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const response = await fetch(`${url}/api/v1/events${query}`, {
    headers: { authorization: `Bearer ${TOKENS[as]}`, ...headers },
    signal: leaving.signal,
  });
  const stream = { response, text: '', hasEnded: false, leave: () => leaving.abort() };
  const read = async () => {
    for await (const chunk of response.body ?? []) {
      stream.text += new TextDecoder().decode(chunk);
    }
    stream.hasEnded = true;
  };
  read().catch(() => {});
  await waitUntil('its beginning', () => stream.text.includes('\n\n'));
  const events = () =>
    // What stands behind the last blank line has not come whole.
    stream.text
      .split('\n\n')
      .slice(0, -1)
      .flatMap((block): Event | [] => {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const [event, data] = [field('event'), field('data')];
        return event === undefined ? [] : { event, id: field('id'), data: JSON.parse(data ?? '') };
      });
  /** Waits for so many events, and gives their references. */
  const references = async (count: number) => {
    await waitUntil(`${count} events`, () => events().length >= count);
    return events().map(({ data }) => data.reference);
  };
  return { ...stream, stream, events, references };
}

async function startFollowing() {
  const api = await startApi();
  const { url } = await api.server.listen();
  const redis = new Redis(api.url);
  onTestFinished(() => redis.disconnect());
  const key = outcomesKey(api.prefix);
  return { ...api, http: url, redis, key, announce: announcer(redis, key) };
}

/** Writes outcomes as a worker does, all of a call in one go. @returns the id of the last. */
function announcer(redis: Redis, key: string) {
  let previous = '0-0';
  return async (references: string | string[], tenant: string | null = null) => {
    const [seconds] = await redis.time();
    const pipeline = redis.pipeline();
    for (const [i, reference] of [references].flat().entries()) {
      const fields = fieldsOfOutcome({
        ...{ eventId: `done-${reference}@x`, eventJobId: `done-${reference}` },
        ...{ reference, tenant, status: 'completed', code: null },
      });
      // Later than all before, whichever second it is.
      const ms = Math.max(Number(seconds) * 1000, Number(previous.split('-')[0]) + 1);
      const id = i === 0 ? `${ms}-1` : `${previous.split('-')[0]}-${i + 1}`;
      pipeline.xadd(key, id, 'previous', previous, ...fields);
      previous = id;
    }
    await pipeline.exec();
    return previous;
  };
}

it('outcomes come as events in their order, each with an id, and a token sees those of its tenant', async () => {
  const { http, announce } = await startFollowing();
  await announce('before');
  const [all, ofA] = await Promise.all([follow(http, 'read'), follow(http, 'readA')]);
  const id = await announce('one', 'a');
  await announce('two', 'b');
  await announce('three');
  await announce('four', 'a');
  expect(await all.references(4)).toEqual(['one', 'two', 'three', 'four']);
  expect(await ofA.references(2)).toEqual(['one', 'four']);
  expect(all.events()[0]).toEqual({
    event: 'batch.completed',
    id,
    data: {
      ...{ eventId: 'done-one@x', reference: 'one', tenant: 'a', status: 'completed', code: null },
      announcedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    },
  });
  expect(all.response.headers.get('content-type')).toBe('text/event-stream');
  expect(all.response.headers.get('x-accel-buffering')).toBe('no');
});

it('a caller that comes again with the last id misses no outcome, however many there were', async () => {
  const { http, announce } = await startFollowing();
  const first = await follow(http, 'read');
  const [, beginning] = /^id: (.*)$/m.exec(first.stream.text) ?? [];
  const last = await announce('one');
  await first.references(1);
  first.leave();
  const names = Array.from({ length: 1200 }, (_, i) => `more-${i}`);
  await announce(names);
  const again = await follow(http, 'read', { 'last-event-id': last });
  expect(await again.references(1200)).toEqual(names);
  const fromStart = await follow(http, 'read', { 'last-event-id': beginning ?? '' });
  expect((await fromStart.references(1201)).at(0)).toBe('one');
});

it('a position that is gone is said by a reset, after which what there is comes', async () => {
  const { http, announce, redis, key } = await startFollowing();
  const old = await announce('old');
  for (const name of ['a', 'b', 'c']) await announce(name);
  await redis.xtrim(key, 'MAXLEN', 1);
  const { events } = await follow(http, 'read', { 'last-event-id': old });
  await waitUntil('both', () => events().length === 2);
  expect(events().map(({ event }) => event)).toEqual(['reset', 'batch.completed']);
  const wrong = await fetch(`${http}/api/v1/events`, {
    headers: { authorization: `Bearer ${TOKENS.read}`, 'last-event-id': 'x' },
  });
  expect(wrong.status).toBe(400);
});

it('all who follow share one read of the stream that waits, also over a restart of Redis', async () => {
  const own = await startPrivateRedis({ appendOnly: true, appendfsync: 'always' });
  onTestFinished(() => own.stop());
  const { server, prefix } = await startApi({ REDIS_URL: own.url });
  const { url } = await server.listen();
  const redis = new Redis(own.url);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const announce = announcer(redis, outcomesKey(prefix));
  const clients = async () =>
    String(await redis.client('LIST'))
      .trim()
      .split('\n').length;
  const one = await follow(url, 'read', {}, '?progress=false');
  await announce('one');
  await one.references(1);
  const before = await clients();
  const more = await Promise.all(
    Array.from({ length: 20 }, () => follow(url, 'read', {}, '?progress=false')),
  );
  expect(await clients()).toBe(before);
  await own.kill();
  await own.restart();
  await announce('two');
  for (const { references } of more) expect(await references(1)).toEqual(['two']);
  expect(await one.references(2)).toEqual(['one', 'two']);
});

it('progress comes as the status of a batch, before its outcome, to those who may see it', async () => {
  const system = await startSystem();
  const { server, call } = await startApi(system.environment);
  const { url } = await server.listen();
  const [ofA, ofB, quiet] = await Promise.all([
    follow(url, 'submitA'),
    follow(url, 'submitB'),
    follow(url, 'submitA', {}, '?progress=false'),
  ]);
  const { productType, documents } = await system.request('loan-1', 2);
  const put = (reference: string) =>
    call('submitA', `PUT /batches/${reference}`, { payload: { productType, documents } });
  // What happens before its readers are there is not told.
  let tries = 0;
  await waitUntil('the readers', async () => {
    tries += 1;
    await put(`try-${tries}`);
    return ofA.events().length > 0;
  });
  await put('loan-1');
  await system.startWorker();
  const kindsOf = ({ events }: typeof ofA) =>
    events().flatMap(({ event, data }) => (data.reference === 'loan-1' ? event : []));
  await waitUntil('the end', () => kindsOf(ofA).includes('batch.completed'));
  await waitUntil('its outcome', () => kindsOf(quiet).length > 0);
  expect(kindsOf(ofA).at(-1)).toBe('batch.completed');
  expect(new Set(kindsOf(ofA).slice(0, -1))).toEqual(new Set(['batch.progress']));
  expect(ofA.events()[0]?.data).toMatchObject({ state: 'queued', summary: null });
  expect(kindsOf(quiet)).toEqual(['batch.completed']);
  expect(ofB.events()).toEqual([]);
});

it('streams end when the server stops', async () => {
  const { server, http } = await startFollowing();
  const { stream } = await follow(http, 'read');
  await server.stop();
  await waitUntil('its end', () => stream.hasEnded);
});

it('a slow caller gets the latest status of each of the thousand batches that changed last', async () => {
  let tell: (progress: Progress) => void = () => {};
  const services = {
    closing: new AbortController().signal,
    outcomes: {
      ...{ end: async () => '0-0', follow: () => () => {} },
      after: async (position: string) => ({ outcomes: [], position, reset: false }),
    },
    progress: {
      follow(told: typeof tell) {
        tell = told;
        return () => {};
      },
    },
  };
  const { stream } = await followEvents.handle(
    services as unknown as ApiServices,
    {
      ...{ caller: { name: 'slow', role: 'read', tenant: null }, query: {} },
      ...{ signal: new AbortController().signal, isStillKnown: () => true },
      ...{ holdOpen: () => () => {}, header: () => undefined },
    } as unknown as ApiCall<unknown>,
  );
  const blocks = stream?.[Symbol.asyncIterator]();
  if (blocks === undefined) throw new Error('there is no stream');
  await blocks.next();
  const change = (i: number, polls: number) =>
    tell({ status: { reference: `loan-${i}`, polls } as BatchStatus, tenant: null });
  for (let i = 0; i < 1001; i += 1) change(i, 1);
  change(500, 2);
  const changed = [];
  for (let i = 0; i < 1000; i += 1) {
    const data = /^data: (.*)$/m.exec((await blocks.next()).value)?.[1];
    const { reference, polls } = JSON.parse(data ?? '');
    changed.push(`${reference} ${polls}`);
  }
  await blocks.return?.();
  expect(new Set(changed).size).toBe(1000);
  expect(changed).toEqual(expect.arrayContaining(['loan-1 1', 'loan-500 2', 'loan-1000 1']));
});
