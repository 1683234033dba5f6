/**
 * One request to S3, signed by its URL and sent over a keep-alive pool, with short retries of
 * what passes by itself. The SDK's own way costs a small batch more CPU than all the rest of it.
 */
import type { Readable } from 'node:stream';
import pRetry, { AbortError } from 'p-retry';
import { Agent } from 'undici';
import type { ObjectReference } from './object-reference.js';
import type { S3Method, Signer } from './signer.js';
import { answerTrouble, networkTrouble, signingTrouble } from './storage-trouble.js';

export interface S3Request {
  method: S3Method;
  object: ObjectReference;
  headers?: Record<string, string>;
  /** Called once per attempt, for a stream is read once. */
  openBody?: () => Uint8Array | Readable;
  /** Stops the request and its retries; the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface S3Http {
  /**
   * The body of a 2xx answer, which the caller must read or dump; null when S3 answered that the
   * object is not there. A missing bucket counts as that for HEAD alone, whose answer has no body
   * to tell one from the other.
   * @throws TroubleError `STORAGE` for every other answer, and for none
   */
  send(request: S3Request): Promise<S3Body | null>;
  /** Ends all connections, and requests in flight with them. */
  close(): void;
}

export type S3Body = Awaited<ReturnType<Agent['request']>>['body'];

/**
 * Life of the URLs that we use ourselves: long enough to wait for a connection and for a clock
 * that is wrong by some minutes (S3 itself allows 15).
 */
const OWN_URL_SECONDS = 900;
/** Blips last less than a second; whatever lasts longer is for the job to wait for. */
const RETRIES = 2;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;
/** S3's error documents have a few hundred bytes. */
const MAX_ERROR_BYTES = 16 * 1024;

/** Not repeated here: a time-out has cost enough already, and what was closed stays closed. */
const FINAL: ReadonlySet<unknown> = new Set([
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * @param connections per host: one host for path style, one per bucket otherwise
 * @param timeoutMs to connect, to the first byte of the answer, between two pieces of it
 */
export function createS3Http(options: {
  signer: Signer;
  connections: number;
  timeoutMs: number;
}): S3Http {
  const { signer, connections, timeoutMs } = options;
  const agent = new Agent({
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs },
  });

  async function attempt(request: S3Request): Promise<S3Body | null> {
    const { method, object, headers = {}, openBody, signal } = request;
    const url = await signer.sign(method, object, OWN_URL_SECONDS).catch((error: unknown) => {
      throw new AbortError(signingTrouble(method, object, error));
    });
    const answer = await agent
      .request({
        ...url,
        method,
        headers,
        body: openBody?.() ?? null,
        // Unless told otherwise, undici gives up the connection after each HEAD.
        reset: false,
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        throw FINAL.has(codeOf(error))
          ? new AbortError(networkTrouble(method, object, error))
          : networkTrouble(method, object, error);
      });
    const { statusCode: status, body } = answer;
    if (status >= 200 && status < 300) return body;
    const code = await readErrorCode(body);
    if (status === 404 && method !== 'PUT' && code !== 'NoSuchBucket') return null;
    const trouble = answerTrouble(method, object, status, code);
    throw status >= 500 || status === 429 ? trouble : new AbortError(trouble);
  }

  return {
    send(request) {
      return pRetry(() => attempt(request), {
        retries: RETRIES,
        minTimeout: RETRY_MIN_MS,
        maxTimeout: RETRY_MAX_MS,
        randomize: true,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
    },
    close() {
      // Rejects only when it was closed before, which is as good.
      agent.destroy().catch(() => {});
    },
  };
}

/** Passes a body on piece by piece; a connection cut in the middle is trouble like any other. */
export async function* readBody(
  body: S3Body,
  object: ObjectReference,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw networkTrouble('GET', object, error);
  }
}

/** `<Code>` of an error document; null without one. Letters only: it goes into messages. */
async function readErrorCode(body: S3Body): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BYTES) break;
    }
  } catch {
    // The status alone says enough.
  }
  return /<Code>([A-Za-z]{1,64})<\/Code>/.exec(Buffer.concat(chunks).toString())?.[1] ?? null;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
