/**
 * HTTP Basic for operators. Failed logins are slowed down by the address that they come from; the
 * memory for that is bounded, and an address that is refused cannot even try the right password.
 */
import basicAuth from '@fastify/basic-auth';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ServerContext } from '../context.js';
import { type Credentials, credentialCheck } from '../credentials.js';

/** A person mistypes a few times; a guesser gets 14,400 tries a day, of which none will do. */
const FAILURES_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
/** Addresses remembered; the oldest make room. */
const ADDRESSES_REMEMBERED = 5000;

class LoginError extends Error {
  constructor(readonly statusCode: 401 | 429) {
    super(statusCode === 401 ? 'wrong user or password' : 'too many failed logins');
  }
}

/** Puts a login before everything that is registered in this scope, found or not. */
export async function requireLogin(
  app: FastifyInstance,
  { metrics, logger }: ServerContext,
  credentials: Credentials,
): Promise<void> {
  await app.register(rateLimit, { global: false, cache: ADDRESSES_REMEMBERED });
  const countFailures = app.createRateLimit({ max: FAILURES_PER_WINDOW, timeWindow: WINDOW_MS });
  const isRight = credentialCheck(credentials);

  await app.register(basicAuth, {
    authenticate: { realm: 'atlas-batch' },
    async validate(user, password, request, reply) {
      const before = await countFailures(request, { increment: false });
      if (!before.isAllowed && before.remaining === 0) {
        reply.header('retry-after', before.ttlInSeconds);
        throw new LoginError(429);
      }
      if (isRight(user, password)) return;
      await countFailures(request);
      metrics.loginsFailed.inc();
      logger.warn({ address: request.ip }, 'a login to the dashboard failed');
      throw new LoginError(401);
    },
  });
  app.addHook('onRequest', app.basicAuth);
}

/** Whether a request that changes something comes from our own pages, as browsers tell. */
export function isSameOrigin({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  // Behind a proxy that ends TLS our own scheme is not the browser's: hosts are compared.
  return (
    origin !== undefined &&
    host !== undefined &&
    URL.canParse(origin) &&
    new URL(origin).host === host
  );
}
