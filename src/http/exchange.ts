/** Follows one request through undici, and reads as much of the response as is wanted. */
import type { Dispatcher } from 'undici';
import { errorCode, errorName } from '../errors.js';
import { inTurn, TURN_FROM_BYTES } from '../turns.js';
import { type BodyHeaders, type BodyText, bodyText, formOf, mayBeCompressed } from './body-text.js';
import type { HttpFailure, HttpResult, ResponseHeaders } from './http-result.js';
import { PROXY_CODE } from './proxy.js';

/**
 * The largest body that is read, also once it is decompressed, where somebody counts what all
 * responses take together: 100 times a page of 50 rich extracts.
 */
const MAX_COUNTED_BYTES = 32 * 1024 * 1024;
/** The same where nobody does: hundreds of requests may be under way. A token or an id has 100 bytes. */
const MAX_BODY_BYTES = 1024 * 1024;
/** S3's error documents have a few hundred bytes. */
export const MAX_ERROR_BYTES = 16 * 1024;
const NO_TEXT: BodyText = { text: '', guessed: false };
/** Up to here a body that nobody wants is read away, so that its connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/**
 * Which bodies are read. `of-success`: of a 2xx response, all of it, and without it there is no
 * response. `of-error`: of any other, its start, as far as it comes. `start`: the same of any response.
 * `none`: the status is all.
 */
export type BodyPolicy = 'of-success' | 'of-error' | 'start' | 'none';

/** Who answers for what a response takes in memory, for as long as its text is used. */
export interface ResponseMemory {
  /** The response takes so many bytes by now. When this throws, no more of it is read. */
  hold(bytes: number): void;
}

/** Follows one request through undici and settles it once. */
export class Exchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private settled = false;
  private abandoned = false;
  private status = 0;
  private retryAfter: string | undefined;
  private headers: ResponseHeaders = {};
  private bodyHeaders: BodyHeaders = { contentType: '', contentEncoding: '' };
  private chunks: Buffer[] = [];
  private bytes = 0;
  private startTimer: NodeJS.Timeout | undefined;

  /** @param whenOver Nothing more will come: the response is whole, or the request has failed. */
  constructor(
    private readonly wanted: { policy: BodyPolicy; startMs: number | undefined },
    private readonly memory: ResponseMemory | undefined,
    private readonly caller: {
      resolve: (result: HttpResult) => void;
      reject: (reason: unknown) => void;
    },
    private readonly whenOver: () => void,
  ) {}

  /** Nothing more will come. */
  private onEnd(): void {
    clearTimeout(this.startTimer);
    this.whenOver();
  }

  /** Whether the start of a body is all that is wanted, as far as it comes. */
  private get partial(): boolean {
    return this.wanted.policy === 'of-error' || this.wanted.policy === 'start';
  }

  private wantsBody(status: number): boolean {
    const { policy } = this.wanted;
    return policy === 'start' || policy === (status < 300 ? 'of-success' : 'of-error');
  }

  timeOut(): void {
    if (this.controller === undefined) this.fail('not-sent', 'NO_CONNECTION_IN_TIME');
    else this.fail('timed-out', 'TIMED_OUT');
    this.abandon();
  }

  /** Gives the request up. One that still waits for a connection is dropped when it gets one. */
  abandon(): void {
    this.settled = true;
    this.abandoned = true;
    this.chunks = [];
    this.controller?.abort(new Error('abandoned'));
    this.onEnd();
  }

  /** The request is about to be written: from here on the other side may have it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.abandoned) controller.abort(new Error('abandoned'));
    else this.controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    if (status < 200) return;
    this.status = status;
    const retryAfter = headers['retry-after'];
    this.retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
    this.headers = headers;
    this.bodyHeaders = {
      contentType: String(headers['content-type'] ?? ''),
      contentEncoding: String(headers['content-encoding'] ?? ''),
    };
    const { startMs } = this.wanted;
    if (!this.wantsBody(status)) this.respond(NO_TEXT);
    else if (this.partial && startMs) this.startTimer = setTimeout(() => this.endEarly(), startMs);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.settled) {
      if (this.bytes > MAX_DISCARDED_BYTES) this.abandon();
      return;
    }
    this.chunks.push(chunk);
    if (this.partial) {
      if (this.bytes > MAX_ERROR_BYTES) this.endEarly();
    } else if (this.bytes > this.maxBytes) {
      this.fail('too-large', 'BODY_TOO_LARGE');
      this.abandon();
    } else if (!this.holds(this.bytes)) this.abandon();
  }

  /** The start says enough, and reading on would cost more than a new connection. */
  private endEarly(): void {
    this.respond(this.text());
    this.abandon();
  }

  /** Whether there is room for so much. */
  private holds(bytes: number): boolean {
    try {
      this.memory?.hold(bytes);
      return true;
    } catch (error) {
      this.settled = true;
      this.caller.reject(error);
      return false;
    }
  }

  private get maxBytes(): number {
    return this.memory ? MAX_COUNTED_BYTES : MAX_BODY_BYTES;
  }

  onResponseEnd(): void {
    this.onEnd();
    const [start] = this.chunks;
    // A few kilobytes may become megabytes: fifty of those at once would hold the process for seconds.
    const mayGrow = start !== undefined && mayBeCompressed(start, this.bodyHeaders);
    const size = mayGrow ? this.bytes + TURN_FROM_BYTES : this.bytes;
    // Never rejects.
    void inTurn(size, () => this.readWhole());
  }

  private readWhole(): void {
    if (this.settled) return;
    try {
      const text = this.text();
      if (this.holds(bytesOf(text.text))) this.respond(text);
    } catch (error) {
      const tooLarge = errorCode(error) === 'ERR_BUFFER_TOO_LARGE';
      if (tooLarge) this.fail('too-large', 'BODY_TOO_LARGE');
      else this.fail('not-text', 'BODY_UNREADABLE');
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.onEnd();
    // The status of a response that is cut says enough.
    if (this.status > 0 && this.partial) this.respond(this.text());
    else this.fail(this.hasLeft(error) ? 'cut' : 'not-sent', errorName(error));
  }

  /** Whether the other side may have the request. What a proxy has refused it surely has not. */
  private hasLeft(error: Error): boolean {
    return this.controller !== undefined && !errorName(error).startsWith(PROXY_CODE);
  }

  /** Throws when a body that must be whole cannot be read; of an error what can be read is enough. */
  private text(): BodyText {
    const bytes = Buffer.concat(this.chunks);
    const { partial } = this;
    const maxBytes = partial ? MAX_BODY_BYTES : this.maxBytes;
    try {
      return bodyText(bytes, this.bodyHeaders, { maxBytes, partial });
    } catch (error) {
      if (!partial) throw error;
      return NO_TEXT;
    }
  }

  private respond({ text: body, guessed }: BodyText): void {
    const { status, retryAfter, headers } = this;
    const form = formOf(this.bodyHeaders);
    this.settle({ kind: 'response', status, body, retryAfter, form, guessed, headers });
  }

  private fail(failure: HttpFailure, code: string): void {
    this.settle({ kind: 'failed', failure, code });
  }

  private settle(result: HttpResult): void {
    if (this.settled) return;
    this.settled = true;
    this.chunks = [];
    this.caller.resolve(result);
  }
}

/** What a text takes in memory at most: one letter that is not ASCII may cost each a second byte. */
function bytesOf(text: string): number {
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length;
}
