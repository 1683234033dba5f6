import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testRedis } from '../helpers/redis.js';
import { BATCH, PAGE, rejection } from './client-calls.js';
import { clientOf, FakeAtlas } from './fake-atlas.js';
import { connect } from './redis-connection.js';
import { json } from './test-server.js';

let atlas: FakeAtlas;

beforeEach(async () => {
  atlas = await FakeAtlas.start();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('readPage', () => {
  it('readPage asks for the page by both of its names and gives its raw extracts', async () => {
    atlas.onPage = (_request, response) =>
      json(
        response,
        '{"data":[{"document_id":"1","file_data":{"n":12345678901234567890,"x":1.10}}],' +
          '"page":3,"per_page":20,"total_pages":4,"total_items":61,"has_next":true}',
      );
    const page = await clientOf(atlas).readPage(
      { ...BATCH, atlasBatchId: 'BATCH 1&2' },
      { page: 3, perPage: 50 },
    );
    expect(page).toMatchObject({
      items: [{ atlasDocumentId: '1', fileData: '{"n":12345678901234567890,"x":1.10}' }],
      page: 3,
      perPage: 20,
      totalPages: 4,
      totalItems: 61,
      hasNext: true,
    });
    const query = new URL(atlas.received[1]?.path ?? '', atlas.url).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      batch_id: 'BATCH 1&2',
      page: '3',
      pageNo: '3',
      per_page: '50',
    });
  });

  it('readPage names a batch that Atlas does not know, and asks once', async () => {
    atlas.onPage = (_request, response) => json(response, 'canary-body', 404);
    const error = await rejection(clientOf(atlas).readPage(BATCH, PAGE));
    expect(error).toMatchObject({ name: 'UnknownBatchError' });
    expect(atlas.count('extracts')).toBe(1);
  });

  it('readPage tries a couple of times what a moment may mend', async () => {
    const good = atlas.onPage;
    const faults = [
      (request: { socket: { destroy(): void } }) => request.socket.destroy(),
      (_request: unknown, response: Parameters<typeof json>[0]) => json(response, '{"data":[{"'),
    ];
    atlas.onPage = (request, response) => (faults.shift() ?? good)(request, response);
    expect(await clientOf(atlas).readPage(BATCH, PAGE)).toMatchObject({ page: 1 });
    expect(atlas.count('extracts')).toBe(3);
  });

  it('readPage gives up after a couple of tries, and leaves the rest to the job', async () => {
    atlas.onPage = (_request, response) => json(response, '<html>canary-body</html>');
    const error = await rejection(clientOf(atlas).readPage(BATCH, PAGE));
    expect(error).toMatchObject({ code: 'ATLAS_PROTOCOL' });
    expect(atlas.count('extracts')).toBe(3);
  });

  it('readPage says of a page that is too large that half of it may not be', async () => {
    atlas.onPage = (_request, response) => json(response, 'x'.repeat(33 * 1024 * 1024));
    const error = await rejection(clientOf(atlas).readPage(BATCH, { page: 7, perPage: 2 }));
    expect(error).toMatchObject({ row: { halve: 'at-once' } });
  });

  it('readPage says of another page than the one asked for that half of it would be one too', async () => {
    atlas.onPage = (_request, response) => json(response, '{"data":[],"page":6}');
    const error = await rejection(clientOf(atlas).readPage(BATCH, { page: 7, perPage: 2 }));
    expect(error).toMatchObject({ row: { when: ['another-page'] } });
  });

  it('readPage does not repeat at once what has a Retry-After', async () => {
    atlas.onPage = (_request, response) => {
      response.writeHead(503, { 'retry-after': '60' });
      response.end();
    };
    const error = await rejection(clientOf(atlas).readPage(BATCH, PAGE));
    expect(error).toMatchObject({ retryAfterMs: 60_000 });
    expect(atlas.count('extracts')).toBe(1);
  });

  it('readPage reads a Retry-After that is a date on the clock that all processes share', async () => {
    const test = testRedis();
    const redis = connect(test);
    const [seconds] = await redis.time();
    atlas.onPage = (_request, response) => {
      const until = new Date((Number(seconds) + 100) * 1000).toUTCString();
      response.writeHead(503, { 'retry-after': until });
      response.end();
    };
    vi.useFakeTimers({ toFake: ['Date'], now: 0 });
    const client = clientOf(atlas, { redis, keyPrefix: test.prefix });
    const error = await rejection(client.readPage(BATCH, PAGE));
    expect(error).toHaveProperty('retryAfterMs');
    expect(Object(error).retryAfterMs).toBeGreaterThan(80_000);
    expect(Object(error).retryAfterMs).toBeLessThanOrEqual(100_000);
  });
});
