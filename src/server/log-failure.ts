/** Says in the log why a request failed, or its response has no end, where that is no fault of its caller. */
import type { FastifyRequest } from 'fastify';
import { BatchError, errorFields, RedisUnavailableError, TransientError } from '../errors.js';
import { kindOf } from '../logging/repeated-lines.js';
import { isReplyError } from '../redis/reply-error.js';
import type { ServerContext } from './context.js';

type Lines = Pick<ServerContext, 'lines'>;

/** Never what was sent. @param isUnforeseen Whether the response is a 500. */
export function logFailure(
  context: Lines,
  request: FastifyRequest,
  error: unknown,
  isUnforeseen: boolean,
): void {
  if (isUnforeseen) logUnforeseen(context, request, error, 'a request failed');
  else if (isOfOthers(error)) logRefusal(context, request, error, 'a request was not served');
}

/** Of a response that has begun: its caller sees that it has no end, and not why. */
export function logCut(
  context: Lines,
  request: FastifyRequest,
  error: unknown,
  isUnforeseen: boolean,
): void {
  const what = 'a response was cut short';
  if (isUnforeseen) logUnforeseen(context, request, error, what);
  else if (error instanceof BatchError) logRefusal(context, request, error, what);
}

function logUnforeseen(
  { lines }: Lines,
  request: FastifyRequest,
  error: unknown,
  message: string,
): void {
  const route = routeOf(request);
  const fields = { route, ...errorFields(error) };
  lines.add({ level: 'error', kind: `${message} ${route} ${fields.errorName}`, fields, message });
}

function logRefusal({ lines }: Lines, request: FastifyRequest, error: Error, what: string): void {
  const route = routeOf(request);
  const message = `${what}: ${error.message}`;
  lines.add({ level: 'warn', kind: `${route} ${kindOf(message)}`, fields: { route }, message });
}

function routeOf({ routeOptions }: FastifyRequest): string {
  return routeOptions.url ?? 'unknown';
}

/** Whether Redis or S3 refuses us. Of a Redis that is away the connection says it. */
function isOfOthers(error: unknown): error is Error {
  if (error instanceof TransientError) return true;
  return error instanceof RedisUnavailableError && isReplyError(error.cause);
}
