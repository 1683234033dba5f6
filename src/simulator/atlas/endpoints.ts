/** The three documented endpoints, as functions from a request to an answer. */
import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod';
import type { Fault } from '../exchange.js';
import type { Answer } from '../http-server.js';
import type { AtlasBatch, AtlasBatches } from './atlas-batches.js';
import { refusal } from './atlas-faults.js';
import { fileNameOf } from './document-content.js';
import { pageText } from './pages.js';
import type { Tokens } from './tokens.js';
import type { UrlFetcher } from './url-fetcher.js';

const UPLOAD = z.strictObject({
  product_type: z.string().min(1),
  file_urls: z
    .array(
      z.strictObject({
        file_url: z.string().regex(/^https?:\/\//),
        document_id: z.string().min(1),
      }),
    )
    .min(1),
});

export type UploadBody = z.infer<typeof UPLOAD>;

export interface EndpointContext {
  clientId: string;
  clientSecret: string;
  tokens: Tokens;
  batches: AtlasBatches;
  /** Absent: URLs are not fetched. */
  fetcher: UrlFetcher | undefined;
  envelope: 'top' | 'data';
  tokenRefusal: 'json' | 'html';
  totalItems: boolean;
  firstPage: 0 | 1;
  saidFirstPage: 0 | 1;
  maxPerPage: number;
  notFoundForMs: number;
  emptyForMs: number;
}

/** `POST authtoken` */
export function authToken(context: EndpointContext, headers: IncomingHttpHeaders): Answer {
  const { clientId, clientSecret, tokens } = context;
  if (headers['client-id'] !== clientId || headers['client-secret'] !== clientSecret) {
    return refusal(401, 'unknown client');
  }
  const token = tokens.issue(performance.now());
  return answer(context, JSON.stringify({ access_token: token }));
}

/** The body of an upload; undefined where it is not what the documentation asks for. */
export function parseUpload(raw: Buffer): UploadBody | undefined {
  try {
    return UPLOAD.safeParse(JSON.parse(raw.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** `POST multiupload`: every URL is fetched before the answer. `accepted` gets the new batch. */
export async function multiUpload(
  context: EndpointContext,
  headers: IncomingHttpHeaders,
  body: UploadBody | undefined,
  fault: Fault | undefined,
  accepted: (batch: AtlasBatch) => void,
): Promise<Answer> {
  if (!context.tokens.honours(headers.token, performance.now())) return unauthorised(context);
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
    return refusal(400, 'content type must be application/json');
  }
  if (body === undefined) return refusal(400, 'malformed body');
  const documentIds = body.file_urls.map((file) => file.document_id);
  if (new Set(documentIds).size < documentIds.length) {
    return refusal(400, 'document_id must be unique');
  }
  const urls = body.file_urls.map((file) => file.file_url);
  const unfetched = (await context.fetcher?.unfetched(urls)) ?? [];
  if (unfetched.length > 0) {
    const ids = unfetched.map((index) => documentIds[index]);
    return refusal(422, 'cannot fetch files', { document_ids: ids });
  }
  const earlier = context.batches.newest;
  if (fault?.fault === 'same-batch-id' && earlier !== undefined) {
    return answer(context, JSON.stringify({ batch_id: earlier.batchId }));
  }
  if (fault?.fault === 'conflict' && context.batches.holds(documentIds)) {
    return refusal(409, 'documents are there already');
  }
  const isNumber = fault?.fault === 'number-batch-id';
  const asNumber = isNumber ? (fault.long ? 'long' : 'short') : undefined;
  const batch = context.batches.add(
    body.product_type,
    documentIds,
    urls.map(fileNameOf),
    performance.now(),
    asNumber,
  );
  accepted(batch);
  if (fault?.fault === 'no-batch-id') return answer(context, '{"status":"ok"}');
  const text = fault?.fault === 'padded-batch-id' ? ` ${batch.batchId}\r\n` : batch.batchId;
  return answer(context, `{"batch_id":${isNumber ? text : JSON.stringify(text)}}`);
}

/** `GET extracts` */
export function extracts(
  context: EndpointContext,
  headers: IncomingHttpHeaders,
  query: URLSearchParams,
  fault: Fault | undefined,
): Answer {
  const now = performance.now();
  if (!context.tokens.honours(headers.token, now)) return unauthorised(context);
  const page = askedPage(context, query);
  const perPage = givenPerPage(context, query);
  if (page === undefined || perPage === undefined) {
    return refusal(400, 'there is no such page: page and pageNo must be equal, per_page positive');
  }
  const batch = context.batches.get(query.get('batch_id') ?? '');
  const ageMs = now - (batch?.submittedAt ?? now);
  if (batch === undefined || ageMs < context.notFoundForMs) return refusal(404, 'unknown batch');
  if (fault?.fault === 'null-data') return answer(context, '{"data":null}');
  if (fault?.fault === 'status-only') return answer(context, '{"status":"PROCESSING"}');
  const text = pageText(context.batches, {
    batch,
    page: page - context.firstPage + 1,
    saidFirstPage: context.saidFirstPage,
    perPage,
    now,
    totalItems: context.totalItems,
    fault: ageMs < context.emptyForMs ? { fault: 'empty-page' } : fault,
  });
  return text === undefined ? refusal(fault?.status ?? 404, 'no such page') : answer(context, text);
}

/** The documentation has two names for it; whoever sends both must mean the same page. */
export function askedPage(
  { firstPage }: EndpointContext,
  query: URLSearchParams,
): number | undefined {
  const pages = ['page', 'pageNo'].flatMap((name) => query.get(name) ?? []);
  const first = pages[0] ?? String(firstPage);
  if (pages.some((page) => page !== first)) return undefined;
  return first === '0' && firstPage === 0 ? 0 : positive(first);
}

/** As many extracts as asked for, and not more than fit a page. */
export function givenPerPage(
  { maxPerPage }: EndpointContext,
  query: URLSearchParams,
): number | undefined {
  const asked = positive(query.get('per_page') ?? String(maxPerPage));
  return asked && Math.min(asked, maxPerPage);
}

function answer(context: EndpointContext, json: string): Answer {
  const body = context.envelope === 'data' ? `{"data":${json}}` : json;
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}

function unauthorised({ tokenRefusal }: EndpointContext): Answer {
  if (tokenRefusal === 'json') return refusal(401, 'invalid token');
  const body = '<html><body><h1>401</h1>gateway</body></html>';
  return { status: 401, headers: { 'content-type': 'text/html' }, body };
}

function positive(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
