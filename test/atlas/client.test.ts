import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAtlasClient } from '../../src/atlas/client.js';
import { PermanentError } from '../../src/errors.js';
import { testRedis } from '../helpers/redis.js';
import { BATCH, PAGE, rejection, UPLOAD } from './client-calls.js';
import { clientOf, FakeAtlas, logSink, WRONG } from './fake-atlas.js';
import { connect } from './redis-connection.js';
import { json } from './test-server.js';

let atlas: FakeAtlas;

beforeEach(async () => {
  atlas = await FakeAtlas.start();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('upload', () => {
  it('an upload sends the documented request with the token', async () => {
    expect(await clientOf(atlas).upload(UPLOAD)).toEqual({ atlasBatchId: 'BATCH-1' });
    expect(atlas.received.map(({ path }) => path)).toEqual([
      '/v1/docstream/authtoken',
      '/v1/docstream/multiupload',
    ]);
    expect(atlas.received[1]?.token).toBe('canary-token-1');
    expect(JSON.parse(atlas.received[1]?.body ?? '')).toEqual({
      product_type: 'LOAN_APP',
      file_urls: UPLOAD.files,
    });
  });

  it.each([500, 502, 504])(
    'an upload is not sent again after a %d, and nobody knows of it',
    async (status) => {
      atlas.onUpload = (_request, response) => json(response, 'canary-body', status);
      const error = await rejection(clientOf(atlas).upload(UPLOAD));
      expect(error).toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken: 'unknown' });
      expect(atlas.count('multiupload')).toBe(1);
    },
  );

  it('an upload is told of request by request, with nothing between the telling and the request', async () => {
    const client = clientOf(atlas);
    const order: string[] = [];
    const [goodToken, goodUpload] = [atlas.onToken, atlas.onUpload];
    atlas.onToken = (request, response) => {
      order.push('token');
      goodToken(request, response);
    };
    atlas.onUpload = (request, response) => {
      order.push('upload');
      if (order.filter((event) => event === 'upload').length > 1) goodUpload(request, response);
      else json(response, 'canary-body', 401);
    };
    const tell = (event: string) => async () => void order.push(event);
    const journal = { sending: tell('sending'), notTaken: tell('not taken') };
    await client.upload({ ...UPLOAD, journal });
    expect(order).toEqual([
      'token',
      'sending',
      'upload',
      'not taken',
      'token',
      'sending',
      'upload',
    ]);
  });

  it('an upload does not go out when the journal does not take it', async () => {
    const journal = {
      sending: () => Promise.reject(new Error('not wanted any more')),
      async notTaken() {},
    };
    const error = await rejection(clientOf(atlas).upload({ ...UPLOAD, journal }));
    expect(error).toMatchObject({ message: 'not wanted any more' });
    expect(atlas.count('multiupload')).toBe(0);
  });

  it('an upload that is on its way is not cut when its signal is aborted', async () => {
    const signal = new AbortController();
    const good = atlas.onUpload;
    atlas.onUpload = (request, response) => {
      signal.abort();
      good(request, response);
    };
    const journal = { async sending() {}, async notTaken() {} };
    const sent = clientOf(atlas).upload({ ...UPLOAD, journal }, signal.signal);
    expect(await sent).toEqual({ atlasBatchId: 'BATCH-1' });
  });

  it('an upload is unknown when the connection is cut after it was sent', async () => {
    atlas.onUpload = (request) => request.socket.destroy();
    const error = await rejection(clientOf(atlas).upload(UPLOAD));
    expect(error).toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken: 'unknown' });
    expect(atlas.count('multiupload')).toBe(1);
  });

  it('an upload is unknown when Atlas hangs', async () => {
    const client = clientOf(atlas, { timeoutMs: 300 });
    await client.checkCredentials();
    atlas.onUpload = () => {};
    expect(await rejection(client.upload(UPLOAD))).toMatchObject({ taken: 'unknown' });
  });

  it.each(['<html>canary-body</html>', '{"batch_id":"canary-bo', '{}', '{"batch_id":""}'])(
    'an upload is unknown when a 200 says %s',
    async (body) => {
      atlas.onUpload = (_request, response) => json(response, body);
      const error = await rejection(clientOf(atlas).upload(UPLOAD));
      expect(error).toMatchObject({ code: 'ATLAS_PROTOCOL', taken: 'unknown' });
      expect(atlas.count('multiupload')).toBe(1);
    },
  );

  it('an upload was not taken when Atlas answers 503, which says for how long', async () => {
    atlas.onUpload = (_request, response) => {
      response.writeHead(503, { 'retry-after': '7' });
      response.end();
    };
    const error = await rejection(clientOf(atlas).upload(UPLOAD));
    expect(error).toMatchObject({ taken: 'not-taken', retryAfterMs: 7000 });
  });

  it('an upload is as unknown after a 500 with Retry-After when Redis does not answer meanwhile', async () => {
    const test = testRedis();
    const redis = connect(test);
    const client = clientOf(atlas, { redis, keyPrefix: test.prefix });
    await client.checkCredentials();
    atlas.onUpload = (_request, response) => {
      redis.disconnect();
      response.writeHead(500, { 'retry-after': '3' }).end();
    };
    const error = await rejection(client.upload(UPLOAD));
    expect(error).toMatchObject({
      code: 'ATLAS_UNAVAILABLE',
      taken: 'unknown',
      retryAfterMs: 3000,
    });
  });

  it.each([
    [500, 'unknown'],
    [503, 'not-taken'],
  ] as const)(
    'an upload after a %i with Retry-After is %s also when Redis is too slow to say the time',
    async (status, taken) => {
      const test = testRedis();
      const redis = connect(test);
      const client = clientOf(atlas, { redis, keyPrefix: test.prefix });
      await client.checkCredentials();
      const asked = new Promise<void>((resolve) => {
        vi.spyOn(redis, 'time').mockImplementation(() => {
          resolve();
          return new Promise(() => {});
        });
      });
      atlas.onUpload = (_request, response) => {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        response.writeHead(status, { 'retry-after': '3' }).end();
      };
      const failed = rejection(client.upload(UPLOAD));
      await asked;
      await vi.advanceTimersByTimeAsync(5000);
      expect(await failed).toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken, retryAfterMs: 3000 });
    },
  );

  it('an upload is refused by a clear 4xx', async () => {
    atlas.onUpload = (_request, response) => json(response, 'canary-body', 422);
    const error = await rejection(clientOf(atlas).upload(UPLOAD));
    expect(error).toMatchObject({ name: 'RefusalError', code: 'ATLAS_REJECTED' });
    expect(error).toBeInstanceOf(PermanentError);
    expect(atlas.count('multiupload')).toBe(1);
  });

  it('an upload was not taken when no token could be had', async () => {
    atlas.onToken = (_request, response) => json(response, 'canary-body', 500);
    const error = await rejection(clientOf(atlas).upload(UPLOAD));
    expect(error).toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken: 'not-taken' });
    expect(atlas.count('multiupload')).toBe(0);
  });

  it('an upload rejects with the reason of its abort', async () => {
    const abort = new AbortController();
    const reason = new Error('lock lost');
    atlas.onUpload = () => abort.abort(reason);
    expect(await rejection(clientOf(atlas).upload(UPLOAD, abort.signal))).toBe(reason);
  });
});

describe('the client', () => {
  it('the client of Atlas tells its observer of requests, tokens and the circuit', async () => {
    const heard: string[] = [];
    const client = clientOf(atlas, {
      observer: {
        requested: ({ endpoint, code }) => heard.push(`${endpoint} ${code}`),
        tokenFetched: () => heard.push('token'),
      },
    });
    await client.upload(UPLOAD);
    atlas.onUpload = (request) => request.socket.destroy();
    await rejection(client.upload(UPLOAD));
    expect(heard.slice(0, 3)).toEqual(['authtoken 200', 'token', 'multiupload 200']);
    expect(heard[3]).toMatch(/^multiupload (UND_ERR_SOCKET|ECONNRESET)$/);
  });

  it('the client of Atlas never puts a secret into an error or a log', async () => {
    const { lines, logger } = logSink();
    const client = clientOf(atlas, { logger });
    const told: string[] = [];
    const responders = [
      (request: { socket: { destroy(): void } }) => request.socket.destroy(),
      (_request: unknown, response: Parameters<typeof json>[0]) =>
        json(response, 'canary-body', 500),
      (_request: unknown, response: Parameters<typeof json>[0]) =>
        json(response, 'canary-body', 401),
      (_request: unknown, response: Parameters<typeof json>[0]) =>
        json(response, 'canary-body', 422),
      (_request: unknown, response: Parameters<typeof json>[0]) =>
        json(response, 'canary-body', 302),
      (_request: unknown, response: Parameters<typeof json>[0]) =>
        json(response, '{"batch_id":{"canary-body":1},"page":"canary-body"}'),
    ];
    for (const responder of responders) {
      [atlas.onUpload, atlas.onPage] = [responder, responder];
      for (const call of [
        client.upload(UPLOAD),
        client.readPage({ ...BATCH, atlasBatchId: 'canary-batch' }, PAGE),
      ]) {
        told.push(inspect(await rejection(call), { depth: 20, showHidden: true }));
      }
    }
    const wrong = clientOf(atlas, { logger, credentials: WRONG });
    told.push(inspect(await rejection(wrong.upload(UPLOAD)), { depth: 20, showHidden: true }));
    expect([...told, ...lines].join('\n')).not.toMatch(/canary-|X-Amz|page=1/);
  });

  it('the client of Atlas refuses a base URL over which secrets would travel in clear', () => {
    const { logger } = logSink();
    const create = () =>
      createAtlasClient({
        baseUrl: 'http://atlas.example.com',
        credentials: WRONG,
        timeoutMs: 1000,
        connections: 1,
        keyPrefix: '{t}',
        maxRequestsPerSecond: 0,
        logger,
      });
    expect(create).toThrow(RangeError);
  });

  it('the client of Atlas may be closed twice, and then sends nothing', async () => {
    const client = clientOf(atlas);
    await client.upload(UPLOAD);
    await client.close();
    await client.close();
    expect(await rejection(client.upload(UPLOAD))).toMatchObject({ taken: 'not-taken' });
    expect(atlas.count('multiupload')).toBe(1);
  });
});
