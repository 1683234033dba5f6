/** The limits of the HTTP server. */

import type {} from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** All bodies but those of callbacks are small: a form with a few fields. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** A page of fifty extracts of 80 KB each. Parsing it takes some tens of milliseconds. */
export const CALLBACK_BODY_LIMIT_BYTES = 4 * 1024 * 1024;
/** Time in which the headers of a request, and then all of it, must arrive. */
export const HEADERS_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 15_000;
/** A connection on which nothing is sent for this long is closed. */
export const IDLE_TIMEOUT_MS = 30_000;
/** When the server stops, requests that are still open after this time are cut off. */
export const STOP_TIMEOUT_MS = 5000;
/** Longest wait for Redis in health and metrics: who asks for them gives up after some seconds. */
export const REDIS_TIMEOUT_MS = 1500;
/** Addresses of which a rate is kept. The oldest make room for new ones. */
export const RATED_ADDRESSES = 5000;

/**
 * Counts a try that is wrong, and says whether the address of the request has had too many: then not
 * even a right one counts. It counts before anything else may run, so that tries that come at the
 * same time are limited as those one after the other.
 * @returns null while the address is within its limit.
 */
export async function limitTries(
  failures: ReturnType<FastifyInstance['createRateLimit']>,
  request: FastifyRequest,
  right: boolean,
): Promise<{ retryAfterSeconds: number } | null> {
  const limit = await failures(request, { increment: !right });
  if (limit.isAllowed) return null;
  const isOver = right ? limit.remaining === 0 : limit.isExceeded;
  return isOver ? { retryAfterSeconds: limit.ttlInSeconds } : null;
}
