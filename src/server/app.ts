/** The routes of the HTTP server and their limits. `server.ts` runs them. */
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';
import { RedisUnavailableError, UsageError } from '../errors.js';
import { addBasePath, prefixOf, withoutBase } from './base-path.js';
import type { ServerContext } from './context.js';
import { liveRoute, metricsRoute, readyRoute } from './health/health.js';
import {
  BODY_LIMIT_BYTES,
  HEADERS_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
} from './limits.js';
import { logFailure } from './log-failure.js';
import { readableUrl, refuseBytes, refuseRequests } from './refused-requests.js';
import { leaveOutPorts, trustedProxies } from './trusted-proxies.js';

/** Parts of the server. `callbacks` is what Atlas must reach, `api` what apps call. Liveness is in all of them. */
export type Part = 'callbacks' | 'api' | 'health' | 'dashboard';

/** Builds an app of these parts. It does not listen yet. */
export async function createApp(
  context: ServerContext,
  parts: readonly Part[],
): Promise<FastifyInstance> {
  const { TRUST_PROXY } = context.config;
  const prefix = prefixOf(context.config);
  const app = Fastify({
    logger: false,
    trustProxy: TRUST_PROXY.length > 0 ? trustedProxies(TRUST_PROXY) : false,
    rewriteUrl: ({ url = '/' }) => readableUrl(withoutBase(url, prefix)),
    clientErrorHandler: refuseBytes,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    // No request has a longer one. What is no reference is said by who knows what one is.
    routerOptions: { maxParamLength: maxHeaderSize },
  });
  leaveOutPorts(app);
  await app.register(helmet, {
    // The pages set their own. Other responses need none.
    contentSecurityPolicy: false,
    strictTransportSecurity: { includeSubDomains: false },
  });
  addBasePath(app, prefix);
  answerErrors(app, context);
  refuseRequests(app);
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
  if (parts.includes('api')) {
    const { api } = await import('./api/api.js');
    await api(app, context, { withLogin: parts.includes('dashboard') });
  }
  if (parts.includes('dashboard')) {
    const { dashboard } = await import('./dashboard/dashboard.js');
    await dashboard(app, context);
  }
  return app;
}

/** Neither the responses to errors nor the log repeat what was sent. */
function answerErrors(app: FastifyInstance, context: ServerContext): void {
  const { logger } = context;
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    logFailure(context, request, error, status === 500);
    const message = error instanceof UsageError ? { message: error.message } : {};
    return reply.status(status).send({ error: STATUS_CODES[status], ...message });
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    const milliseconds = Math.round(reply.elapsedTime);
    const { statusCode } = reply;
    logger.debug({ method, route: routeOptions.url, statusCode, milliseconds }, 'answered');
  });
}

function statusOf(error: unknown): number {
  if (error instanceof RedisUnavailableError) return 503;
  if (error instanceof UsageError) return 400;
  const status: unknown = error instanceof Error ? Reflect.get(error, 'statusCode') : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
