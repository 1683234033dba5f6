/**
 * One request to S3: signed in its headers, sent over a keep-alive pool, with a few short retries, and
 * once more when S3 names another region. The SDK's own client would cost a small batch more CPU than
 * all the rest of it.
 */
import { AbortError } from 'p-retry';
import { Agent } from 'undici';
import { errorName } from '../errors.js';
import { connectorVia, withWholeUrls } from '../http/connections.js';
import { MAX_ERROR_BYTES } from '../http/exchange.js';
import type { Proxies } from '../http/proxy.js';
import { createSend } from '../http/send-request.js';
import { withRetries } from '../http/with-retries.js';
import { type BucketRegions, REGION_HEADER } from './bucket-regions.js';
import {
  headerOf,
  isSuccess,
  type ObjectReference,
  type S3Request,
  type S3Response,
  type SignedRequest,
} from './s3-request.js';
import type { Signer } from './signer.js';
import { networkError, responseError, signingError } from './storage-errors.js';

export type S3Body = Awaited<ReturnType<Agent['request']>>['body'];

/** For failures of less than a second. For longer ones the job waits. */
const RETRIES = 2;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;

/** Letters and dots (`KMS.DisabledException`) only: it goes into messages. */
const ERROR_CODE = /<Code>([A-Za-z.]{1,64})<\/Code>/;
/** What S3 and other stores say of an object that is encrypted with a key that they do not have. */
const KEY_WANTED = /<Message>The object was stored using a form of Server Side Encryption/;
const ERROR_REGION = /<Region>([^<]{1,64})<\/Region>/;
/** Redirects, a signature for another region, and the refusals that stores send instead. */
const MAY_NAME_REGION: ReadonlySet<number> = new Set([301, 307, 400, 403]);

/** Not retried: a time-out has taken long enough already, and a closed agent stays closed. */
const FINAL: ReadonlySet<string> = new Set([
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'PROXY_UND_ERR_CONNECT_TIMEOUT',
]);

interface Answer extends S3Response {
  /** Its start; empty when it is a success. */
  errorBody: string;
}

export type S3Http = ReturnType<typeof createS3Http>;

/**
 * Methods reject with a TransientError `STORAGE` when there is no response in the end, or 5xx and 429
 * only.
 * @param options `connections` are per host: one host for path style, one per bucket otherwise.
 *   `timeoutMs` is to connect, to the first byte of the response, between two pieces of it. `onDate`
 *   gets the date of each response.
 */
export function createS3Http(options: {
  signer: Signer;
  regions: BucketRegions;
  connections: number;
  timeoutMs: number;
  proxies?: Proxies | undefined;
  onDate?: ((date: string) => void) | undefined;
}) {
  const { signer, regions, connections, timeoutMs, proxies, onDate } = options;
  const pools = new Agent({
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: proxies ? connectorVia(proxies, timeoutMs) : { timeout: timeoutMs },
  });
  const agent = proxies ? withWholeUrls(pools, proxies) : pools;
  const sendReading = createSend('of-error', undefined, timeoutMs);
  const sendWriting = createSend('start', undefined, timeoutMs);

  async function sign({ method, object, extra }: S3Request): Promise<SignedRequest> {
    try {
      return await signer.sign(method, object, extra);
    } catch (error) {
      throw new AbortError(signingError(method, object, error));
    }
  }

  function noResponse({ method, object }: S3Request, code: string): Error {
    const failure = networkError(method, object, code);
    return FINAL.has(code) ? new AbortError(failure) : failure;
  }

  /**
   * Sends once, and once more in the region that S3 names.
   * @throws Error for a response that is worth another try.
   */
  async function attempt<Got extends Answer>(
    request: S3Request,
    send: (signed: SignedRequest) => Promise<Got>,
  ): Promise<Got> {
    for (let isLast = false; ; isLast = true) {
      const signed = await sign(request);
      const got = await send(signed);
      if (onDate) onDate(headerOf(got, 'date') ?? '');
      if (isSuccess(got)) return got;
      const { method, object } = request;
      if (!isLast && isElsewhere(object.bucket, signed, got)) continue;
      if (!isPassing(got)) return got;
      throw responseError(method, object, got);
    }
  }

  /** Notes the region of the bucket, when S3 says that it is another one. */
  function isElsewhere(bucket: string, signed: SignedRequest, got: Answer): boolean {
    if (signed.region === undefined || !MAY_NAME_REGION.has(got.status)) return false;
    const named = headerOf(got, REGION_HEADER) ?? ERROR_REGION.exec(got.errorBody)?.[1];
    return regions.learn(bucket, named, signed.region);
  }

  async function sendWhole(request: S3Request, signed: SignedRequest): Promise<Answer> {
    const { origin, path, headers } = signed;
    const { method, object } = request;
    const isWrite = method === 'PUT' || method === 'DELETE';
    const result = await (isWrite ? sendWriting : sendReading)(
      agent,
      {
        // Not spread: V8 would keep the spread object, and its request, until a full collection.
        origin,
        path,
        method,
        headers,
        body: request.openBody?.() ?? null,
        // Without this, undici closes the connection after each HEAD.
        reset: false,
      },
      request.signal,
    );
    if (result.kind === 'failed') throw noResponse(request, result.code);
    const { status, headers: received, body: errorBody, form } = result;
    const said = readError(errorBody);
    const { code } = said;
    // What was not written must not count as written: a portal's page, an error that came too late for
    // the status, a success of somebody who says nothing of an object.
    const isOdd =
      code !== null || form === 'web-page' || (method === 'PUT' && !headerOf(result, 'etag'));
    if (isWrite && isSuccess(result) && isOdd)
      throw responseError(method, object, { status, code });
    return { status, headers: received, ...said };
  }

  async function sendAndRead(request: S3Request, { origin, path, headers }: SignedRequest) {
    const { method, signal } = request;
    const response = await agent
      .request({ origin, path, headers, method, ...(signal && { signal }) })
      .catch((error) => {
        signal?.throwIfAborted();
        throw noResponse(request, errorName(error));
      });
    const { statusCode: status, body } = response;
    const errorBody = isSuccess({ status }) ? '' : await readStart(body, timeoutMs);
    return { status, headers: response.headers, ...readError(errorBody), body };
  }

  function repeat<T>(once: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return withRetries(once, {
      retries: RETRIES,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal,
    });
  }

  return {
    /** The response, whatever it says. The body of a success is read away. */
    ask: (request: S3Request): Promise<S3Response> =>
      repeat(() => attempt(request, (signed) => sendWhole(request, signed)), request.signal),
    /** As {@link ask}, with the body, which the caller must read or dump when it is a success. */
    open: (request: S3Request): Promise<S3Response & { body: S3Body }> =>
      repeat(() => attempt(request, (signed) => sendAndRead(request, signed)), request.signal),
    /** Asks for a pre-signed URL, as anybody does who has it. */
    fetch(url: string, object: ObjectReference): Promise<S3Response> {
      const { origin } = new URL(url);
      const signed = { origin, path: url.slice(origin.length), headers: {}, region: undefined };
      return repeat(() => sendWhole({ method: 'GET', object }, signed), undefined);
    },
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

function readError(errorBody: string): Pick<Answer, 'code' | 'wantsKey' | 'errorBody'> {
  const code = ERROR_CODE.exec(errorBody)?.[1] ?? null;
  return { code, wantsKey: KEY_WANTED.test(errorBody), errorBody };
}

/**
 * All of an error document. Empty when the connection is cut, or it does not end in time: the status says
 * enough then.
 */
async function readStart(body: S3Body, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), timeoutMs);
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BYTES) break;
    }
  } catch {
    return '';
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString();
}

/** Worth a short retry. Two uploads of one object at once are a conflict, whatever their conditions. */
function isPassing({ status, code }: S3Response): boolean {
  return (
    (status >= 500 && status !== 501) || status === 429 || code === 'ConditionalRequestConflict'
  );
}
