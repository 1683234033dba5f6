/**
 * One HTTP request to Atlas, and what became of it as a value.
 *
 * The one question that matters for a failed upload is whether the request went out: up to the
 * moment at which undici hands it to a connected socket, Atlas surely has nothing of it.
 * Redirects are not followed. Of a failure only its code is kept: undici's errors may hold URLs.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import { type Dispatcher, Pool } from 'undici';

/** The largest body that is read: about 100 times a page of 50 rich extracts. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/**
 * What is larger is read by turns, a few at once: hundreds of huge responses at the same time cost
 * one or two hundred MiB and not gigabytes.
 */
const LARGE_BODY_BYTES = 1024 * 1024;
const LARGE_BODIES_AT_ONCE = 4;
/** Up to here the body of an error response is read away so that its connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024;
/** A peer that has not accepted a connection by then is down; undici's own default. */
const MAX_CONNECT_TIMEOUT_MS = 10_000;
/** One for all responses: making it costs more than a small response's text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Why there is no response. `not-sent`: it never left us (refused, unresolved, connect time-out,
 * TLS, no free connection in time). The others came after it did: `timed-out`, `cut` (reset or
 * closed before the response was whole), `too-large`, `not-text` (the body is not UTF-8).
 */
export type HttpFailure = 'not-sent' | 'timed-out' | 'cut' | 'too-large' | 'not-text';

export type HttpResult =
  /** `body` is the text of a 2xx response, and empty for any other: error bodies are not read. */
  | { kind: 'response'; status: number; body: string; retryAfter: string | undefined }
  /** `code` is the system's or undici's name for it, such as `ECONNREFUSED`. */
  | { kind: 'failed'; failure: HttpFailure; code: string };

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Below the base URL, query included. */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Http {
  /** Resolves with what happened. Rejects only with `signal.reason`, when aborted. */
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResult>;
  /** Cuts what is still under way. */
  close(): Promise<void>;
}

/** `timeoutMs` is for the whole request, the wait for a free connection included. */
export function createHttp(options: {
  baseUrl: string;
  timeoutMs: number;
  connections: number;
}): Http {
  const base = new URL(options.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    connections: options.connections,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connect: { timeout: Math.min(options.timeoutMs, MAX_CONNECT_TIMEOUT_MS) },
  });
  const largeBodies = pLimit(LARGE_BODIES_AT_ONCE);
  return {
    request: ({ method, path, headers, body = null }, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const exchange = new Exchange(resolve, largeBodies);
        const timer = setTimeout(() => exchange.timeOut(), options.timeoutMs);
        const onAbort = () => {
          reject(signal?.reason);
          exchange.abandon();
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        void exchange.ended.then(() => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
        });
        // Spelled out: V8 keeps an object that is spread here, and its request, until a full collection.
        pool.dispatch({ method, path: prefix + path, headers, body }, exchange);
      }),
    close: () => pool.destroy(),
  };
}

/** Follows one request through undici and settles it once. */
class Exchange implements Dispatcher.DispatchHandler {
  /** Resolves when nothing more will come: the response is whole, or the request has failed. */
  readonly ended: Promise<void>;
  private end: () => void = () => {};
  private controller: Dispatcher.DispatchController | undefined;
  private settled = false;
  private abandoned = false;
  private status = 0;
  private retryAfter: string | undefined;
  private chunks: Buffer[] = [];
  private bytes = 0;
  private large = false;

  constructor(
    private readonly resolve: (result: HttpResult) => void,
    private readonly largeBodies: LimitFunction,
  ) {
    this.ended = new Promise((end) => {
      this.end = end;
    });
  }

  timeOut(): void {
    if (this.controller === undefined) this.fail('not-sent', 'NO_CONNECTION_IN_TIME');
    else this.fail('timed-out', 'TIMED_OUT');
    this.abandon();
  }

  /** Lets go of the request; one that still waits for a connection is dropped when it gets one. */
  abandon(): void {
    this.settled = true;
    this.abandoned = true;
    this.controller?.abort(new Error('abandoned'));
    this.end();
  }

  /** The request is about to be written: from here on Atlas may have it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.abandoned) controller.abort(new Error('abandoned'));
    else this.controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.status = status;
    const retryAfter = headers['retry-after'];
    this.retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
    if (status >= 300)
      this.settle({ kind: 'response', status, body: '', retryAfter: this.retryAfter });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.settled) {
      if (this.bytes > MAX_DISCARDED_BYTES) this.abandon();
    } else if (this.bytes > MAX_BODY_BYTES) {
      this.fail('too-large', 'BODY_TOO_LARGE');
      this.abandon();
    } else {
      this.chunks.push(chunk);
      if (this.bytes > LARGE_BODY_BYTES && !this.large) this.takeTurn(controller);
    }
  }

  /** Reads on when it is its turn; the time-out goes on meanwhile. */
  private takeTurn(controller: Dispatcher.DispatchController): void {
    this.large = true;
    controller.pause();
    void this.largeBodies(async () => {
      if (this.settled) return;
      controller.resume();
      await this.ended;
    });
  }

  onResponseEnd(): void {
    this.end();
    if (this.settled) return;
    const { status, retryAfter } = this;
    try {
      const body = UTF8.decode(Buffer.concat(this.chunks));
      this.settle({ kind: 'response', status, body, retryAfter });
    } catch {
      this.fail('not-text', 'BODY_NOT_UTF8');
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.end();
    this.fail(this.controller === undefined ? 'not-sent' : 'cut', codeOf(error));
  }

  private fail(failure: HttpFailure, code: string): void {
    this.settle({ kind: 'failed', failure, code });
  }

  private settle(result: HttpResult): void {
    if (this.settled) return;
    this.settled = true;
    this.chunks = [];
    this.resolve(result);
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
