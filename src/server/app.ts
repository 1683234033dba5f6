/** The routes of the HTTP server and their limits. `server.ts` runs them. */
import { STATUS_CODES } from 'node:http';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';
import { errorFields, RedisUnavailableError } from '../errors.js';
import type { Logger } from '../logging.js';
import type { ServerContext } from './context.js';
import { liveRoute, metricsRoute, readyRoute } from './health/health.js';
import {
  BODY_LIMIT_BYTES,
  HEADERS_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  MAX_PARAMETER_LENGTH,
  REQUEST_TIMEOUT_MS,
} from './limits.js';

/** Parts of the server. `callbacks` is what Atlas must reach. `/health/live` is in all of them. */
export type Part = 'callbacks' | 'health' | 'dashboard';

/** Builds an app of these parts. It does not listen yet. */
export async function createApp(
  context: ServerContext,
  parts: readonly Part[],
): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
  });
  await app.register(helmet, {
    // The pages set their own. Other responses need none.
    contentSecurityPolicy: false,
    strictTransportSecurity: { includeSubDomains: false },
  });
  answerErrors(app, context.logger);
  liveRoute(app, context);
  if (parts.includes('health')) {
    readyRoute(app, context);
    metricsRoute(app, context);
  }
  // Loaded where they are served: a worker's health needs neither.
  if (parts.includes('callbacks')) {
    const { callbacks } = await import('./callbacks/routes.js');
    await callbacks(app, context);
  }
  if (parts.includes('dashboard')) {
    const { dashboard } = await import('./dashboard/dashboard.js');
    await dashboard(app, context);
  }
  return app;
}

/** Neither the responses to errors nor the log repeat what was sent. */
function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status === 500) {
      const route = request.routeOptions.url ?? 'unknown';
      logger.error({ route, ...errorFields(error) }, 'a request failed');
    }
    return reply.status(status).send({ error: STATUS_CODES[status] });
  });
  app.setNotFoundHandler((_request, reply) => reply.status(404).send({ error: 'Not Found' }));
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    const milliseconds = Math.round(reply.elapsedTime);
    const { statusCode } = reply;
    logger.debug({ method, route: routeOptions.url, statusCode, milliseconds }, 'answered');
  });
}

function statusOf(error: unknown): number {
  if (error instanceof RedisUnavailableError) return 503;
  const status: unknown = error instanceof Error ? Reflect.get(error, 'statusCode') : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
