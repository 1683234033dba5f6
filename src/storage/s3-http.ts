/**
 * One request to S3: signed by its URL, sent over a keep-alive pool, with a few short retries. The
 * SDK's own client would cost a small batch more CPU than all the rest of it.
 */
import type { Readable } from 'node:stream';
import { AbortError } from 'p-retry';
import { Agent } from 'undici';
import { errorName } from '../errors.js';
import { connectorVia, withWholeUrls } from '../http/connections.js';
import { createSend, type HttpResult, MAX_ERROR_BYTES } from '../http/exchange.js';
import type { Proxies } from '../http/proxy.js';
import { withRetries } from '../http/with-retries.js';
import type { ObjectReference, S3Method, SignedUrl, Signer } from './signer.js';
import { networkError, responseError, signingError } from './storage-errors.js';

export interface S3Request {
  method: S3Method;
  object: ObjectReference;
  /** Stops the request and its retries; the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface S3Upload {
  headers: Record<string, string>;
  /** Called once per attempt, because a stream can be read only once. */
  openBody: () => Uint8Array | Readable;
}

/**
 * What came of an upload. `changed`: the object is not, or not any more, what its condition says.
 * `no-conditions`: the store knows none.
 */
export type UploadReply = 'stored' | 'changed' | 'no-conditions';

export type S3Body = Awaited<ReturnType<Agent['request']>>['body'];

/**
 * Life of the URLs that we use ourselves. It covers the wait for a connection, and a clock that is
 * wrong by some minutes (S3 itself allows 15).
 */
const OWN_URL_SECONDS = 900;
/** For failures of less than a second. For longer ones the job waits. */
const RETRIES = 2;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;

type HttpResponse = Extract<HttpResult, { kind: 'response' }>;

/** Letters only: it goes into messages. */
const ERROR_CODE = /<Code>([A-Za-z]{1,64})<\/Code>/;

/** Not retried: a time-out has taken long enough already, and a closed agent stays closed. */
const FINAL: ReadonlySet<string> = new Set([
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'PROXY_UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * Methods reject with a TransientError `STORAGE` for any other response, and when there is none.
 * @param connections per host: one host for path style, one per bucket otherwise
 * @param timeoutMs to connect, to the first byte of the response, between two pieces of it
 */
export function createS3Http(options: {
  signer: Signer;
  connections: number;
  timeoutMs: number;
  proxies?: Proxies | undefined;
}) {
  const { signer, connections, timeoutMs, proxies } = options;
  const pools = new Agent({
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: proxies ? connectorVia(proxies, timeoutMs) : { timeout: timeoutMs },
  });
  const agent = proxies ? withWholeUrls(pools, proxies) : pools;
  const sendRequest = createSend('of-error');

  async function signedUrl({ method, object }: S3Request): Promise<SignedUrl> {
    try {
      return await signer.sign(method, object, OWN_URL_SECONDS);
    } catch (error) {
      throw new AbortError(signingError(method, object, error));
    }
  }

  function noResponse({ method, object }: S3Request, code: string): Error {
    const failure = networkError(method, object, code);
    return FINAL.has(code) ? new AbortError(failure) : failure;
  }

  /** Returns when this response says that the object is not there; throws what else it says. */
  function expectAbsent({ method, object }: S3Request, status: number, body: string): void {
    const code = codeOf(body);
    if (status === 404 && code !== 'NoSuchBucket') return;
    const failure = responseError(method, object, status, code);
    throw isPassing(status, code) ? failure : new AbortError(failure);
  }

  function repeat<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return withRetries(attempt, {
      retries: RETRIES,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal,
    });
  }

  async function send(request: S3Request, upload?: S3Upload): Promise<HttpResponse> {
    const { origin, path } = await signedUrl(request);
    const result = await sendRequest(
      agent,
      {
        // Not spread: V8 would keep the spread object, and its request, until a full collection.
        origin,
        path,
        method: request.method,
        headers: upload?.headers ?? null,
        body: upload?.openBody() ?? null,
        // Without this, undici closes the connection after each HEAD.
        reset: false,
      },
      request.signal,
    );
    if (result.kind === 'failed') throw noResponse(request, result.code);
    return result;
  }

  async function head(request: S3Request): Promise<boolean> {
    const { status, body } = await send(request);
    if (isSuccess(status)) return true;
    expectAbsent(request, status, body);
    return false;
  }

  async function put(request: S3Request, upload: S3Upload): Promise<UploadReply> {
    const { status, body } = await send(request, upload);
    if (isSuccess(status)) return 'stored';
    const code = codeOf(body);
    // With `If-Match`, an object that is gone is a 404.
    if (status === 412 || (status === 404 && code === 'NoSuchKey')) return 'changed';
    if (status === 501) return 'no-conditions';
    const failure = responseError('PUT', request.object, status, code);
    throw isPassing(status, code) ? failure : new AbortError(failure);
  }

  /** The ETag of an object; null when it is not there, and empty when the store or the role has none. */
  async function etagOf(request: S3Request): Promise<string | null> {
    const url = await signedUrl(request);
    const { method, signal } = request;
    const { statusCode, headers, body } = await agent
      .request({ ...url, method, ...(signal && { signal }) })
      .catch((error) => {
        signal?.throwIfAborted();
        throw noResponse(request, errorName(error));
      });
    await body.dump();
    // A role may write results, and not read them.
    if (isSuccess(statusCode) || statusCode === 403) return String(headers.etag ?? '');
    expectAbsent(request, statusCode, '');
    return null;
  }

  async function open(request: S3Request): Promise<S3Body | null> {
    const { method, signal } = request;
    const url = await signedUrl(request);
    const { statusCode, body } = await agent
      .request({ ...url, method, ...(signal && { signal }) })
      .catch((error) => {
        signal?.throwIfAborted();
        throw noResponse(request, errorName(error));
      });
    if (isSuccess(statusCode)) return body;
    expectAbsent(request, statusCode, await readStart(body));
    return null;
  }

  return {
    /** Whether the object is there. False for a missing bucket, too: HEAD does not say which. */
    head: (object: ObjectReference, signal?: AbortSignal) =>
      repeat(() => head({ method: 'HEAD', object, signal }), signal),
    etag: (object: ObjectReference, signal?: AbortSignal) =>
      repeat(() => etagOf({ method: 'HEAD', object, signal }), signal),
    put: (object: ObjectReference, upload: S3Upload, signal?: AbortSignal) =>
      repeat(() => put({ method: 'PUT', object, signal }, upload), signal),
    /** The body, which the caller must read or dump. Null when the object is not there. */
    get: (object: ObjectReference, signal?: AbortSignal) =>
      repeat(() => open({ method: 'GET', object, signal }), signal),
    /** Ends all connections, and requests in flight with them. */
    close() {
      // Rejects only when it was closed before, which is as good.
      pools.destroy().catch(() => {});
    },
  };
}

/** Yields a body piece by piece. A connection that is cut in the middle is a networkError. */
export async function* readBody(
  body: S3Body,
  object: ObjectReference,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw networkError('GET', object, errorName(error));
  }
}

/** All of an error document. Empty when the connection is cut: the status says enough then. */
async function readStart(body: S3Body): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BYTES) break;
    }
  } catch {
    return '';
  }
  return Buffer.concat(chunks).toString();
}

function codeOf(body: string): string | null {
  return ERROR_CODE.exec(body)?.[1] ?? null;
}

/** Worth a short retry. Two uploads of one object at once are a conflict, whatever their conditions. */
function isPassing(status: number, code: string | null): boolean {
  return status >= 500 || status === 429 || code === 'ConditionalRequestConflict';
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
