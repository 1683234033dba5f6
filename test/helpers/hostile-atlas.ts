import { bodyOf, json, startHttp } from '../atlas/test-server.js';

const BATCH_PREFIX = 'BATCH-';

/** An Atlas that takes every upload of one document, and whose pages the test writes. */
export function startHostileAtlas(
  pageOf: (documentId: string, page: number) => unknown,
  batchId?: string | number,
): Promise<string> {
  return startHttp(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    const body = await bodyOf(request);
    if (pathname.endsWith('/authtoken')) json(response, { access_token: 'token' });
    else if (pathname.endsWith('/multiupload')) {
      const { file_urls: files } = JSON.parse(body) as { file_urls: { document_id: string }[] };
      json(response, { batch_id: batchId ?? `${BATCH_PREFIX}${files[0]?.document_id}` });
    } else {
      const documentId = searchParams.get('batch_id')?.slice(BATCH_PREFIX.length) ?? '';
      json(response, pageOf(documentId, Number(searchParams.get('page'))));
    }
  });
}
