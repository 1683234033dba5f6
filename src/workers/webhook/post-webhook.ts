/**
 * One POST to the webhook's receiver, and what became of it as a value. Redirects are not followed,
 * the response's body is not read, and of a failure only its code is kept: the URL may hold a
 * token.
 */
import { Pool } from 'undici';
import { unlessAborted } from '../../http/pause.js';
import { webhookKey } from '../../jobs/webhook-secret.js';
import type { WebhookResponse } from './next-attempt.js';
import { signWebhook } from './signature.js';

/** Read away, up to here, so that the connection can be used again. */
const MAX_DISCARDED_BYTES = 16 * 1024;

export interface WebhookSender {
  /** Resolves with what happened. Rejects only with `signal.reason`, when aborted. */
  send(
    webhook: { eventId: string; body: string; nowMs: number },
    signal: AbortSignal,
  ): Promise<WebhookResponse>;
  /** Cuts what is still under way. */
  close(): Promise<void>;
}

/**
 * @param options `connections` is how many POSTs may be under way at once; `timeoutMs` is for the
 *   whole of one.
 */
export function createWebhookSender(options: {
  url: string;
  secret: string;
  connections: number;
  timeoutMs: number;
}): WebhookSender {
  const { origin, pathname, search } = new URL(options.url);
  const key = webhookKey(options.secret);
  const pool = new Pool(origin, { connections: options.connections });
  return {
    async send(webhook, signal) {
      const timeout = AbortSignal.timeout(options.timeoutMs);
      try {
        const request = pool.request({
          method: 'POST',
          path: pathname + search,
          headers: {
            'content-type': 'application/json',
            'user-agent': 'atlas-batch',
            ...signWebhook(key, webhook),
          },
          body: webhook.body,
          signal: timeout,
        });
        const { statusCode, headers, body } = await unlessAborted(request, signal);
        // The status says it all; what happens to the body changes nothing.
        await body.dump({ limit: MAX_DISCARDED_BYTES }).catch(() => {});
        const retryAfter = headers['retry-after'];
        return {
          kind: 'response',
          status: statusCode,
          retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        };
      } catch (error) {
        signal.throwIfAborted();
        return { kind: 'failed', code: timeout.aborted ? 'TIMED_OUT' : codeOf(error) };
      }
    },
    close: () => pool.destroy(),
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'UNKNOWN';
}
