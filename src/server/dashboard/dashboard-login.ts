/**
 * HTTP Basic authentication for operators. Failed logins are limited by address. An address over the
 * limit is refused even with the right password. The memory for that is bounded.
 */
import basicAuth from '@fastify/basic-auth';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ServerContext } from '../context.js';
import { type Credentials, credentialCheck } from '../credentials.js';
import { limitTries, RATED_ADDRESSES } from '../limits.js';

/** Enough for a person who mistypes. For a guesser it is 14,400 attempts a day. */
const FAILURES_PER_WINDOW = 10;
const WINDOW_MS = 60_000;

class LoginError extends Error {
  constructor(readonly statusCode: 401 | 429) {
    super(statusCode === 401 ? 'wrong user or password' : 'too many failed logins');
  }
}

/** Asks for a login before every route of this scope, and before paths that have none. */
export async function requireLogin(
  app: FastifyInstance,
  { metrics, logger }: ServerContext,
  credentials: () => readonly Credentials[],
): Promise<void> {
  await app.register(rateLimit, { global: false, cache: RATED_ADDRESSES });
  const failures = app.createRateLimit({ max: FAILURES_PER_WINDOW, timeWindow: WINDOW_MS });
  const isRight = credentialCheck(credentials);

  await app.register(basicAuth, {
    authenticate: { realm: 'atlas-batch' },
    async validate(user, password, request, reply) {
      const right = isRight(user, password);
      if (!right) metrics.loginsFailed.inc();
      const limit = await limitTries(failures, request, right);
      if (limit !== null) {
        reply.header('retry-after', limit.retryAfterSeconds);
        throw new LoginError(429);
      }
      if (right) return;
      logger.warn({ address: request.ip }, 'a login to the dashboard failed');
      throw new LoginError(401);
    },
  });
  app.addHook('onRequest', app.basicAuth);
}

/** Whether a request comes from our own pages, according to the headers that browsers set. */
export function isSameOrigin({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  // Only hosts are compared: behind a proxy that ends TLS our scheme is not the browser's.
  return (
    origin !== undefined &&
    host !== undefined &&
    URL.canParse(origin) &&
    new URL(origin).host === host
  );
}
