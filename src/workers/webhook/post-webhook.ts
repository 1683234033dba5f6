/** One POST to the webhook's receiver, and what became of it as a value. */
import { createHttp, type Http } from '../../http/host-client.js';
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
  /** Asked each time, as `secrets` are: both are rotated. */
  url: () => string;
  secrets: () => readonly string[];
  connections: number;
  proxies?: Proxies | undefined;
  timeoutMs: number;
}) {
  let to: { origin: string; http: Http } | undefined;
  function httpTo(origin: string): Http {
    if (to?.origin === origin) return to.http;
    // What is cut by it is POSTed again.
    void to?.http.close();
    to = { origin, http: createHttp({ ...options, baseUrl: origin, bodies: 'none' }) };
    return to.http;
  }
  return {
    /** Resolves with what happened. Rejects only with `signal.reason`, when aborted. */
    async send(webhook: SignedContent, signal: AbortSignal): Promise<WebhookResponse> {
      const { origin, pathname, search } = new URL(options.url());
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
      const result = await httpTo(origin).request(request, signal);
      return result.kind === 'failed'
        ? { kind: 'failed', code: result.code }
        : { kind: 'response', status: result.status, retryAfter: result.retryAfter };
    },
    /** Cuts what is still under way. */
    close: async () => to?.http.close(),
  };
}
