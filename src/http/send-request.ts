/**
 * One HTTP request, and what became of it as a value: for Atlas, S3 and the webhook.
 *
 * The one question that matters for a failed upload is whether the request went out. Until undici
 * hands it to a connected socket, the other side surely has nothing of it. Redirects are not
 * followed. Of a failure only its code is kept: undici's errors may hold URLs.
 */
import type { Dispatcher } from 'undici';
import { whenAborted } from '../timeouts.js';
import { type BodyPolicy, Exchange, type ResponseMemory } from './exchange.js';
import type { HttpResult } from './http-result.js';

export type SendRequest = (
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal?: AbortSignal,
  memory?: ResponseMemory,
) => Promise<HttpResult>;

/**
 * A function that sends a request and resolves with what happened. It rejects only with the
 * signal's reason, when aborted, and with what `memory` throws.
 * @param timeoutMs For the whole request, the wait for a free connection included. Without it the
 *   dispatcher's own time limits are all.
 * @param startMs For the start of a body, where that is all that is wanted: some come byte by byte.
 */
export function createSend(policy: BodyPolicy, timeoutMs?: number, startMs?: number): SendRequest {
  return (dispatcher, request, signal, memory) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      // What an earlier attempt held is gone.
      memory?.hold(0);
      const exchange = new Exchange({ policy, startMs }, memory, { resolve, reject }, () => {
        clearTimeout(timer);
        stopWaiting?.();
      });
      const timer = timeoutMs && setTimeout(() => exchange.timeOut(), timeoutMs);
      const stopWaiting =
        signal &&
        whenAborted(signal, () => {
          reject(signal.reason);
          exchange.abandon();
        });
      dispatcher.dispatch(request, exchange);
    });
}
