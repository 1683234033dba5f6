/** How our own pages are sent: never kept, and with nothing of other origins. */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Allows our own style sheet and script, and forms to our own routes. */
const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function sendPage(reply: FastifyReply, text: string): FastifyReply {
  return markAsPage(reply).send(text);
}

export function markAsPage(reply: FastifyReply): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', CONTENT_POLICY)
    .header('cache-control', 'no-store');
}

/** Whether a person reads the response: what scripts ask for does not say that it wants a page. */
export function wantsPage({ headers }: FastifyRequest): boolean {
  return /\btext\/html\b/.test(headers.accept ?? '');
}
