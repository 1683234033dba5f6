/** Errors of the dashboard: pages for people, and JSON for scripts. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { REFERENCE_PATTERN } from '../../../jobs/ids.js';
import { parseJson } from '../../../json.js';
import type { ServerContext } from '../../context.js';
import { operatorIn } from '../../login/operator.js';
import { batchPath } from '../batches/pieces.js';
import { errorPage } from './error-page.js';
import type { Frame } from './layout.js';
import { readSystemIfThere } from './read-frame.js';
import { failureOf, isChange, noteRedisFailures, type RedisFailure } from './redis-failures.js';
import { markAsPage, wantsPage } from './send-page.js';

/** What an error is where Redis does not answer, or refuses us. */
const REDIS_FAILED = 503;
/** A Redis that is away is back soon, or somebody repairs it. */
const REFRESH_SECONDS = 5;

/** An error, whoever answered with it, becomes a page where a person asked for one. */
export function answerErrorsByPages(app: FastifyInstance, context: ServerContext): void {
  noteRedisFailures(app, context);
  app.addHook('onSend', async (request, reply, payload) => {
    const status = reply.statusCode;
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
    if (status < 400 || isPage || !wantsPage(request)) return payload;
    markAsPage(reply).removeHeader('content-length');
    const failure = status === REDIS_FAILED ? failureOf(context, request) : null;
    return errorPage(status, {
      operator: operatorIn(request),
      system: await systemFor(context, request, failure),
      sentence: failure?.sentence ?? (status === 400 ? sentenceIn(payload) : undefined),
      // Read again, the page of a change would be none.
      refreshSeconds: failure && !isChange(request) ? REFRESH_SECONDS : 0,
      back: failure && pathOfBatch(request),
    });
  });
}

/** What a `UsageError` says to scripts, it says to people too. */
function sentenceIn(payload: unknown): string | undefined {
  const { message } = Object(typeof payload === 'string' ? parseJson(payload) : null);
  return typeof message === 'string' ? message : undefined;
}

/** Of a change to one batch. */
function pathOfBatch(request: FastifyRequest): string | null {
  const reference: unknown = Object(request.params).reference;
  if (!isChange(request) || typeof reference !== 'string') return null;
  return REFERENCE_PATTERN.test(reference) ? batchPath(reference) : null;
}

/** How the whole of it stands. Who has not logged in is not told, but that Redis is away. */
async function systemFor(
  context: ServerContext,
  request: FastifyRequest,
  failure: RedisFailure | null,
): Promise<Frame['system']> {
  // Asking again would take as long again.
  if (failure?.kind === 'away') return null;
  // What it refuses once, it would refuse again.
  if (failure?.kind === 'request') return undefined;
  if (operatorIn(request) === null) return undefined;
  return readSystemIfThere(context).catch(() => undefined);
}
