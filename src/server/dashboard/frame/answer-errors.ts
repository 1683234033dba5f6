/** Errors of the dashboard: pages for people, and JSON for scripts. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseJson } from '../../../json.js';
import type { ServerContext } from '../../context.js';
import { operatorIn } from '../../login/operator.js';
import { errorPage } from './error-page.js';
import type { Frame } from './layout.js';
import { readSystemIfThere } from './read-frame.js';
import { markAsPage, wantsPage } from './send-page.js';

/** What an error is where Redis does not answer. */
const REDIS_AWAY = 503;

/** An error, whoever answered with it, becomes a page where a person asked for one. */
export function answerErrorsByPages(app: FastifyInstance, context: ServerContext): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const status = reply.statusCode;
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
    if (status < 400 || isPage || !wantsPage(request)) return payload;
    markAsPage(reply).removeHeader('content-length');
    const system = await systemFor(context, request, status);
    const sentence = status === 400 ? sentenceIn(payload) : undefined;
    return errorPage(status, operatorIn(request), system, sentence);
  });
}

/** What a `UsageError` says to scripts, it says to people too. */
function sentenceIn(payload: unknown): string | undefined {
  const { message } = Object(typeof payload === 'string' ? parseJson(payload) : null);
  return typeof message === 'string' ? message : undefined;
}

/** How the whole of it stands. Who has not logged in is not told, but that Redis is away. */
async function systemFor(
  context: ServerContext,
  request: FastifyRequest,
  status: number,
): Promise<Frame['system']> {
  // Asking again would take as long again.
  if (status === REDIS_AWAY) return null;
  if (operatorIn(request) === null) return undefined;
  return readSystemIfThere(context).catch(() => undefined);
}
