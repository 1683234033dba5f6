/** One POST to the webhook's receiver, and what became of it as a value. */
import { createHttp } from '../../http/host-client.js';
import type { Proxies } from '../../http/proxy.js';
import { webhookKey } from '../../jobs/webhook-secret.js';
import type { WebhookResponse } from './next-attempt.js';
import { type SignedContent, signWebhook } from './signature.js';

export type WebhookSender = ReturnType<typeof createWebhookSender>;

/**
 * @param options `connections` is how many POSTs may be under way at once; `timeoutMs` is for the
 *   whole of one.
 */
export function createWebhookSender(options: {
  url: string;
  /** Asked each time. */
  secrets: () => readonly string[];
  connections: number;
  proxies?: Proxies | undefined;
  timeoutMs: number;
}) {
  const { origin, pathname, search } = new URL(options.url);
  const http = createHttp({ ...options, baseUrl: origin, bodies: 'none' });
  return {
    /** Resolves with what happened. Rejects only with `signal.reason`, when aborted. */
    async send(webhook: SignedContent, signal: AbortSignal): Promise<WebhookResponse> {
      const request = {
        method: 'POST',
        path: pathname + search,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'atlas-batch',
          ...signWebhook(options.secrets().map(webhookKey), webhook),
        },
        body: webhook.body,
      } as const;
      const result = await http.request(request, signal);
      return result.kind === 'failed'
        ? { kind: 'failed', code: result.code }
        : { kind: 'response', status: result.status, retryAfter: result.retryAfter };
    },
    /** Cuts what is still under way. */
    close: () => http.close(),
  };
}
