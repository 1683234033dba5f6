import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { MEMORY_LIMITS } from '../../src/workers/poll/reading/poll-memory.js';
import { bodyOf, json, startHttp } from '../atlas/test-server.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const KIB = 1024;
const PAGE_BYTES = 600 * KIB;
const SICK_PAGES = 3;
const HEALTHY_PAGES = 4;
/** How much later page 3 comes than the failure of page 2, which ends its poll. */
const LATE_MS = 20;

/**
 * An Atlas with pages of 600 KiB. Page 2 of a `sick` batch is not there, and page 3 arrives when the
 * poll has failed for that. Tells how often that has happened to each batch.
 */
async function startAtlasOfLargeLists(): Promise<{
  url: string;
  failedPolls: Map<string, number>;
}> {
  const failedPolls = new Map<string, number>();
  const url = await startHttp(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    const body = await bodyOf(request);
    if (pathname.endsWith('/authtoken')) return json(response, { access_token: 'token' });
    if (pathname.endsWith('/multiupload')) {
      const { file_urls: files } = JSON.parse(body) as { file_urls: { document_id: string }[] };
      return json(response, { batch_id: files[0]?.document_id });
    }
    const documentId = searchParams.get('batch_id') ?? '';
    const page = Number(searchParams.get('page'));
    const isSick = documentId.startsWith('sick');
    if (isSick && page === 2) return json(response, {}, 404);
    if (isSick && page === 3) {
      await delay(LATE_MS);
      failedPolls.set(documentId, (failedPolls.get(documentId) ?? 0) + 1);
    }
    const pages = isSick ? SICK_PAGES : HEALTHY_PAGES;
    json(response, {
      data: [{ document_id: documentId, file_data: { page, text: 'x'.repeat(PAGE_BYTES) } }],
      page,
      // So that pages are read side by side.
      total_items: pages,
      total_pages: pages,
      has_next: page < pages,
    });
  });
  return { url, failedPolls };
}

it('a worker goes on reading large lists after polls whose pages came when they had failed', async () => {
  const system = await startSystem();
  const { url, failedPolls } = await startAtlasOfLargeLists();
  await system.startWorker({ ATLAS_BASE_URL: url });
  for (const name of ['sick-a-', 'sick-b-']) await system.submit(`of-${name}`, 1, name);
  await waitUntil('polls that failed', () => failedPolls.size === 2);
  await system.submit('healthy', 1, 'healthy-');
  expect((await system.event('done-healthy', 10_000)).data.status).toBe('completed');
});

const MIB = 1024 * KIB;
const BIG_BYTES = 12 * MIB;
/** More than fit: 168 MiB. Each has a place of the worker, and small ones have none of their own. */
const BIG_BATCHES = 14;
const SMALL_BATCHES = 5;

/** An Atlas whose batches have one page: a `big` one, of 12 MiB by default, any other one of some bytes. */
async function startAtlasOfBigPages(big: unknown = 'x'.repeat(BIG_BYTES)): Promise<string> {
  const bigJson = JSON.stringify(big);
  return startHttp(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    const body = await bodyOf(request);
    if (pathname.endsWith('/authtoken')) return json(response, { access_token: 'token' });
    if (pathname.endsWith('/multiupload')) {
      const { file_urls: files } = JSON.parse(body) as { file_urls: { document_id: string }[] };
      return json(response, { batch_id: files[0]?.document_id });
    }
    const documentId = searchParams.get('batch_id') ?? '';
    const text = documentId.startsWith('big') ? bigJson : '"x"';
    const item = `{"document_id":"${documentId}","file_data":{"text":${text}}}`;
    response.setHeader('content-type', 'application/json');
    response.end(`{"data":[${item}],"page":1,"total_items":1,"has_next":false}`);
  });
}

it('while S3 hangs, large lists hold no more memory than they may, take no place, and small ones pass', {
  timeout: 300_000,
}, async () => {
  const system = await startSystem();
  const { metrics } = await system.startWorker({
    ATLAS_BASE_URL: await startAtlasOfBigPages(),
    POLL_CONCURRENCY: String(BIG_BATCHES),
    SUBMIT_CONCURRENCY: String(BIG_BATCHES),
  });
  const readMetric = async (name: string) => {
    const metric = metrics.registry.getSingleMetric(`atlas_batch_poll_memory_${name}`);
    return (await metric?.get())?.values[0]?.value ?? 0;
  };
  let most = 0;
  const held = async () => {
    const now = await readMetric('bytes');
    most = Math.max(most, now);
    return now;
  };
  system.s3.setFaults({
    rules: [{ endpoint: 'put', fault: 'hang', match: ({ key }) => key.startsWith('big') }],
  });
  const big = Array.from({ length: BIG_BATCHES }, (_, i) => `big-${i}`);
  await Promise.all(big.map((name) => system.submit(name, 1, `${name}-`)));
  // Those that hold what they want wait for S3, and the others come back again and again.
  const areWaiting = async () => {
    await held();
    return (await readMetric('waits_total')) > BIG_BATCHES;
  };
  await waitUntil('polls that wait for memory', areWaiting, 60_000);
  const storing = system.s3.faultsFired().hang ?? 0;
  expect(storing).toBeGreaterThan(0);
  expect(storing * BIG_BYTES).toBeLessThan(MEMORY_LIMITS.sharedBytes + MEMORY_LIMITS.reserveBytes);

  const small = Array.from({ length: SMALL_BATCHES }, (_, i) => `small-${i}`);
  await Promise.all(small.map((name) => system.submit(name, 1, `${name}-`)));
  for (const name of small) {
    expect((await system.event(`done-${name}`)).data.status).toBe('completed');
    expect(await held()).toBeGreaterThan(BIG_BYTES);
  }

  system.s3.clearFaults();
  for (const name of big) {
    const { data } = await system.event(`done-${name}`, 60_000);
    expect(data.status).toBe('completed');
    await held();
  }
  const { smallBytes, sharedBytes, reserveBytes } = MEMORY_LIMITS;
  expect(most).toBeLessThanOrEqual(smallBytes + sharedBytes + reserveBytes);
  expect(await held()).toBe(0);
});

/** In values they would take twenty times as much: more than the heap, even one page. */
const SMALL_VALUES_BYTES = 16 * MIB;
const PAGES_OF_SMALL_VALUES = LONG ? 20 : 2;

it('pages of millions of small values are stored by a worker with a heap of 256 MiB', {
  timeout: LONG ? 600_000 : 300_000,
}, async () => {
  const system = await startSystem();
  const values = Array.from({ length: SMALL_VALUES_BYTES / '{},'.length }, () => ({}));
  const worker = await system.startWorkerProcess({
    ATLAS_BASE_URL: await startAtlasOfBigPages(values),
    NODE_OPTIONS: '--max-old-space-size=256',
  });
  const big = Array.from({ length: PAGES_OF_SMALL_VALUES }, (_, i) => `big-${i}`);
  await Promise.all(big.map((name) => system.submit(name, 1, `${name}-`)));
  for (const name of big) {
    const { data } = await system.event(`done-${name}`, 300_000);
    expect(data).toMatchObject({ status: 'completed', documents: { present: 1 } });
  }
  expect(worker.hasExited, worker.output()).toBe(false);
});
