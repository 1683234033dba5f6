/** Errors of the dashboard: pages for people, and JSON for scripts. */
import type { FastifyInstance } from 'fastify';
import { operatorIn } from '../../login/operator.js';
import { errorPage } from './error-page.js';
import { markAsPage, wantsPage } from './send-page.js';

/** An error, whoever answered with it, becomes a page where a person asked for one. */
export function answerErrorsByPages(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
    if (reply.statusCode < 400 || isPage || !wantsPage(request)) return payload;
    markAsPage(reply).removeHeader('content-length');
    return errorPage(reply.statusCode, operatorIn(request));
  });
}
