import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { bodyOf, json, startHttp } from '../atlas/test-server.js';
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
