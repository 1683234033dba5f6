import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testRedis } from '../helpers/redis.js';
import { BATCH, PAGE, rejection, UPLOAD } from './client-calls.js';
import { clientOf, FakeAtlas, RIGHT, WRONG } from './fake-atlas.js';
import { connect } from './redis-connection.js';
import { json } from './test-server.js';

let atlas: FakeAtlas;

beforeEach(async () => {
  atlas = await FakeAtlas.start();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the token', () => {
  it.each(['upload', 'readPage'] as const)(
    'a token that expires is replaced under %s once',
    async (call) => {
      const client = clientOf(atlas);
      const work = () => (call === 'upload' ? client.upload(UPLOAD) : client.readPage(BATCH, PAGE));
      await work();
      atlas.expireToken();
      await work();
      const endpoint = call === 'upload' ? 'multiupload' : 'extracts';
      expect(atlas.count(endpoint)).toBe(3);
      expect(atlas.count('authtoken')).toBe(2);
      const bodies = atlas.received.filter(({ path }) => path.includes(endpoint)).slice(1);
      expect(bodies[0]?.body).toBe(bodies[1]?.body);
    },
  );

  it.each([401, 403])(
    'a token that is never honoured is a transient error after one repeat (%d)',
    async (status) => {
      atlas.onUpload = (_request, response) => json(response, 'canary-body', status);
      const error = await rejection(clientOf(atlas).upload(UPLOAD));
      expect(error).toMatchObject({ code: 'ATLAS_AUTH', taken: 'not-taken' });
      expect(atlas.count('multiupload')).toBe(2);
      expect(atlas.count('authtoken')).toBe(2);
    },
  );

  it('credentials that are refused cost one request, however many calls there are', async () => {
    const client = clientOf(atlas, { credentials: WRONG });
    const calls = Array.from({ length: 20 }, () => rejection(client.upload(UPLOAD)));
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ name: 'TurnedAwayError', code: 'ATLAS_AUTH' });
    }
    expect(await rejection(client.checkCredentials())).toMatchObject({ code: 'ATLAS_AUTH' });
    expect(atlas.received).toHaveLength(1);
  });

  it('credentials that are rotated are used at once, although the old ones were just refused', async () => {
    const test = testRedis();
    let credentials = WRONG();
    const redis = connect(test);
    const client = clientOf(atlas, {
      redis,
      keyPrefix: test.prefix,
      credentials: () => credentials,
    });
    expect(await rejection(client.upload(UPLOAD))).toMatchObject({ code: 'ATLAS_AUTH' });
    credentials = RIGHT();
    expect(await client.upload(UPLOAD)).toEqual({ atlasBatchId: 'BATCH-1' });
  });

  it('two processes need few requests for tokens when only the newest token is honoured', async () => {
    const test = testRedis();
    const clients = [1, 2].map(() =>
      clientOf(atlas, { redis: connect(test), keyPrefix: test.prefix }),
    );
    for (let round = 0; round < 5; round += 1) {
      atlas.expireToken();
      await Promise.all(
        clients.flatMap((client) =>
          Array.from({ length: 20 }, async () => {
            for (let i = 0; i < 3; i += 1) await client.readPage(BATCH, PAGE);
          }),
        ),
      );
    }
    expect(atlas.count('authtoken')).toBeLessThanOrEqual(0.05 * atlas.received.length);
    expect(atlas.count('authtoken')).toBe(5);
  });
});

describe('batches that fail while others pass', () => {
  it('calls for them are few at once, and those for others go out', async () => {
    const client = clientOf(atlas, { failingAtOnce: { upload: 1, poll: 1 } });
    const good = atlas.onPage;
    const sick = ['a', 'b'].map((reference) => ({ reference, atlasBatchId: reference }));
    atlas.onPage = (_request, response) => json(response, {}, 504);
    for (const batch of sick) await rejection(client.readPage(batch, PAGE));
    atlas.onPage = good;
    await client.readPage(BATCH, PAGE);

    const held: (() => void)[] = [];
    atlas.onPage = (request, response) => {
      if (request.url?.includes('batch_id=B-1')) good(request, response);
      else held.push(() => good(request, response));
    };
    const [first, second] = sick.map((batch) => client.readPage(batch, PAGE));
    const error = await rejection(second as Promise<unknown>);
    expect(error).toMatchObject({ name: 'BudgetExceededError', taken: 'not-taken' });
    expect(Object(error).retryAfterMs).toBeGreaterThanOrEqual(1000);
    await client.readPage(BATCH, PAGE);
    await vi.waitUntil(() => held.length === 1);
    held[0]?.();
    expect(await first).toMatchObject({ page: 1 });
    // The first has passed, and is like all others.
    atlas.onPage = good;
    await Promise.all(sick.map((batch) => client.readPage(batch, PAGE)));
  });
});

describe('a 429', () => {
  const tooMany =
    (seconds: string) => (_request: unknown, response: Parameters<typeof json>[0]) => {
      response.writeHead(429, { 'retry-after': seconds });
      response.end();
    };

  it('a 429 holds another process too, without a budget', async () => {
    const test = testRedis();
    const [one, other] = [1, 2].map(() =>
      clientOf(atlas, { redis: connect(test), keyPrefix: test.prefix }),
    );
    if (one === undefined || other === undefined) throw new Error('two clients');
    await other.readPage(BATCH, PAGE);
    atlas.onPage = tooMany('60');
    expect(await rejection(one.readPage(BATCH, PAGE))).toMatchObject({
      taken: 'not-taken',
      retryAfterMs: 60_000,
    });
    const before = atlas.received.length;
    for (const call of [other.readPage(BATCH, PAGE), other.upload(UPLOAD)]) {
      const error = await rejection(call);
      expect(error).toMatchObject({ name: 'BudgetExceededError', taken: 'not-taken' });
      expect(Object(error).retryAfterMs).toBeGreaterThan(50_000);
    }
    expect(atlas.received).toHaveLength(before);
  });

  it('a further page waits out a 429, so that the pages before it were not read in vain', async () => {
    const good = atlas.onPage;
    atlas.onPage = (request, response) => {
      atlas.onPage = good;
      tooMany('0.2')(request, response);
    };
    expect(await clientOf(atlas).readPage(BATCH, { page: 2, perPage: 1 })).toMatchObject({
      page: 2,
    });
  });

  it('a 429 never opens the circuit', async () => {
    const states: string[] = [];
    atlas.onUpload = tooMany('0.001');
    const client = clientOf(atlas, { observer: { breakerChanged: (state) => states.push(state) } });
    const calls = Array.from({ length: 20 }, () => rejection(client.upload(UPLOAD)));
    await Promise.all(calls);
    expect(states).toEqual([]);
  });
});

it('empty 202s of many batches, for as long as they are not ready, never open the circuit', async () => {
  const states: string[] = [];
  const client = clientOf(atlas, { observer: { breakerChanged: (state) => states.push(state) } });
  atlas.onPage = (_request, response) => response.writeHead(202).end();
  for (let round = 0; round < 3; round += 1) {
    const polls = Array.from({ length: 10 }, (_, i) =>
      client.readPage({ reference: `loan-${i}`, atlasBatchId: `B-${i}` }, PAGE),
    );
    for (const page of await Promise.all(polls)) expect(page.items).toEqual([]);
  }
  expect(atlas.count('extracts')).toBe(30);
  expect([states, client.failuresInRow(), client.whyShut]).toEqual([[], 0, null]);
  expect(await client.upload(UPLOAD)).toEqual({ atlasBatchId: 'BATCH-1' });
});

describe('an outage', () => {
  it('an outage costs few requests, however many calls there are, and ends with a probe', async () => {
    const client = clientOf(atlas);
    const good = atlas.onPage;
    await client.checkCredentials();
    atlas.onPage = (_request, response) => json(response, 'canary-body', 503);
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const before = atlas.received.length;
    for (let i = 0; i < 100; i += 1) {
      const error = await rejection(client.readPage({ ...BATCH, reference: `loan-${i}` }, PAGE));
      expect(error).toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken: 'not-taken' });
    }
    expect(atlas.received.length - before).toBe(8);

    atlas.onPage = good;
    vi.advanceTimersByTime(1_500);
    await client.readPage(BATCH, PAGE);
    await client.upload(UPLOAD);
  });

  it('an upload never probes an outage, for nobody would know whether it was taken', async () => {
    const client = clientOf(atlas);
    const [goodUpload, goodToken] = [atlas.onUpload, atlas.onToken];
    await client.checkCredentials();
    const broken = (request: { socket: { destroy(): void } }) => request.socket.destroy();
    [atlas.onUpload, atlas.onToken] = [broken, broken];
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    for (let i = 0; i < 8; i += 1) {
      await rejection(client.upload({ ...UPLOAD, reference: `loan-${i}` }));
    }
    expect(atlas.count('multiupload')).toBe(8);

    vi.advanceTimersByTime(1_500);
    expect(await rejection(client.upload(UPLOAD))).toMatchObject({ taken: 'not-taken' });
    expect(atlas.count('multiupload')).toBe(8);

    [atlas.onUpload, atlas.onToken] = [goodUpload, goodToken];
    vi.advanceTimersByTime(5_000);
    expect(await client.upload(UPLOAD)).toEqual({ atlasBatchId: 'BATCH-1' });
  });
});
