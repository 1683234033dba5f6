/** What a person is told of a request that failed over Redis: what is wrong with it, and whether anything was changed. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RedisUnavailableError } from '../../../errors.js';
import { isReplyError, writeRefusal } from '../../../redis/reply-error.js';
import { tryWrite } from '../../../redis/write-gate.js';
import type { ServerContext } from '../../context.js';

export interface RedisFailure {
  /** `writes`: it refuses writes for now. `request`: it refuses this for another reason. */
  kind: 'away' | 'writes' | 'request';
  sentence: string;
}

/** What failed, by the request. The response to an error does not have it. */
const failures = new WeakMap<FastifyRequest, unknown>();
/** Changes of which something may have been done. */
const begun = new WeakSet<FastifyRequest>();
/** Changes that were begun while Redis refused writes. */
const refusedFrom = new WeakSet<FastifyRequest>();

export function isChange({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Remembers of each request what {@link failureOf} tells. */
export function noteRedisFailures(app: FastifyInstance, { queues }: ServerContext): void {
  const { link, prefix } = queues;
  app.setErrorHandler((error, request) => {
    failures.set(request, error);
    // Whoever stands above answers it.
    throw error;
  });
  app.addHook('preHandler', async (request) => {
    if (!isChange(request)) return;
    await link
      .run(() => tryWrite(link.redis, prefix))
      .catch((error: unknown) => {
        if (!isReplyError(causeOf(error))) throw error;
        // It goes on: a full Redis lets some things be done, as an end of a pause.
        if (writeRefusal(causeOf(error)) !== null) refusedFrom.add(request);
      });
    begun.add(request);
  });
}

/** Of a request that was answered with 503. */
export function failureOf(
  { queues }: Pick<ServerContext, 'queues'>,
  request: FastifyRequest,
): RedisFailure {
  const cause = causeOf(failures.get(request));
  const refusal = writeRefusal(cause, queues.link.redis);
  const asked = {
    isChange: isChange(request),
    isUntouched:
      !begun.has(request) ||
      (refusal !== null && refusedFrom.has(request) && !isDoneInSteps(request)),
    isErase: isDoneInSteps(request),
  };
  if (refusal !== null) return { kind: 'writes', sentence: ofRefusedWrites(refusal, asked) };
  if (isReplyError(cause)) return { kind: 'request', sentence: ofRefusedRequest(asked) };
  return { kind: 'away', sentence: ofAbsence(asked) };
}

interface AskedOfRedis {
  isChange: boolean;
  /** Whether nothing can have been done of it. */
  isUntouched: boolean;
  isErase: boolean;
}

function causeOf(error: unknown): unknown {
  return error instanceof RedisUnavailableError ? error.cause : error;
}

/** Results in S3 go before the last of Redis. Of other changes the first write says whether they are made. */
function isDoneInSteps({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.endsWith('/erase') ?? false;
}

function ofRefusedWrites(refusal: string, asked: AskedOfRedis): string {
  const why = `Redis refuses writes: ${refusal}.`;
  if (!asked.isChange) return `${why} Nothing is lost: workers wait until it takes them.`;
  if (asked.isUntouched)
    return `Nothing was changed. ${why} Ask for it again when Redis takes them.`;
  return `${why} ${unknownOf(asked)} takes them.`;
}

function ofRefusedRequest(asked: AskedOfRedis): string {
  const why = 'Redis answers, and refuses what was asked of it: the log of the server says why.';
  return asked.isChange ? `${why} ${unknownOf(asked)} does it.` : why;
}

function ofAbsence(asked: AskedOfRedis): string {
  if (!asked.isChange)
    return 'Nothing can be read until Redis answers. Nothing is lost: workers wait for it, too.';
  if (asked.isUntouched)
    return 'Nothing was changed: Redis did not answer before it was begun. Ask for it again when Redis answers.';
  return `Redis fell silent while it was done. ${unknownOf(asked)} answers.`;
}

/** The begin of a sentence that ends with what Redis has to do first. */
function unknownOf({ isErase }: AskedOfRedis): string {
  if (isErase) return 'Nobody knows how much of it is erased: erase it again when Redis';
  return 'Nobody knows whether it was done: see how it stands before you ask again, when Redis';
}
