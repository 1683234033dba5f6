/** Says in the log why a request failed, or its response has no end, where that is no fault of its caller. */
import type { FastifyRequest } from 'fastify';
import { BatchError, errorFields, RedisUnavailableError, TransientError } from '../errors.js';
import { isReplyError } from '../redis/reply-error.js';
import { kindOf } from '../repeated-lines.js';
import type { ServerContext } from './context.js';

/** Never what was sent. @param isUnforeseen Whether the response is a 500. */
export function logFailure(
  { lines }: Pick<ServerContext, 'lines'>,
  { routeOptions }: FastifyRequest,
  error: unknown,
  isUnforeseen: boolean,
): void {
  const route = routeOptions.url ?? 'unknown';
  if (isUnforeseen) {
    const fields = { route, ...errorFields(error) };
    const kind = `a request ${route} ${fields.errorName}`;
    lines.add({ level: 'error', kind, fields, message: 'a request failed' });
  } else if (isOfOthers(error)) {
    const message = `a request was not served: ${error.message}`;
    lines.add({ level: 'warn', kind: `${route} ${kindOf(message)}`, fields: { route }, message });
  }
}

/** Of a response that has begun: its caller sees that it has no end, and not why. */
export function logCut(
  { lines }: Pick<ServerContext, 'lines'>,
  { routeOptions }: FastifyRequest,
  error: unknown,
  isUnforeseen: boolean,
): void {
  const route = routeOptions.url ?? 'unknown';
  if (isUnforeseen) {
    const fields = { route, ...errorFields(error) };
    const kind = `a cut response ${route} ${fields.errorName}`;
    lines.add({ level: 'error', kind, fields, message: 'a response was cut short' });
  } else if (error instanceof BatchError) {
    const message = `a response was cut short: ${error.message}`;
    lines.add({ level: 'warn', kind: `${route} ${kindOf(message)}`, fields: { route }, message });
  }
}

/** Whether Redis or S3 refuses us. Of a Redis that is away the connection says it. */
function isOfOthers(error: unknown): error is Error {
  if (error instanceof TransientError) return true;
  return error instanceof RedisUnavailableError && isReplyError(error.cause);
}
