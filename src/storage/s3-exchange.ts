/**
 * One request to S3 whose response is its status. undici's own `request` builds a stream for each
 * body, which for a response without one costs as much as half of the request.
 */
import type { Dispatcher } from 'undici';

/** S3's error documents have a few hundred bytes. */
export const MAX_ERROR_BYTES = 16 * 1024;

export interface S3Response {
  status: number;
  /** The start of the body: all of an error document. */
  body: string;
}

/** Rejects as undici does when there is no response, and with the signal's reason once aborted. */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal?: AbortSignal,
): Promise<S3Response> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => handler.abort(signal?.reason);
    const forget = () => signal?.removeEventListener('abort', abort);
    const handler = new ResponseHandler(
      (response) => {
        forget();
        resolve(response);
      },
      (error) => {
        forget();
        reject(error);
      },
    );
    signal?.addEventListener('abort', abort, { once: true });
    dispatcher.dispatch(request, handler);
  });
}

class ResponseHandler implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private aborted: { reason: Error } | undefined;
  private status = 0;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly resolve: (response: S3Response) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  /** A request that still waits for a connection is dropped when it gets one. */
  abort(reason: Error): void {
    this.aborted = { reason };
    this.reject(reason);
    this.controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.aborted !== undefined) controller.abort(this.aborted.reason);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status >= 200) this.status = status;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= MAX_ERROR_BYTES) return;
    // What it says is said; reading on would cost more than a new connection.
    this.onResponseEnd();
    controller.abort(new Error('more than an error document'));
  }

  onResponseEnd(): void {
    const { status, chunks } = this;
    this.resolve({ status, body: chunks.length === 0 ? '' : Buffer.concat(chunks).toString() });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // Of a response that is cut the status says enough.
    if (this.status > 0) this.onResponseEnd();
    else this.reject(error);
  }
}
