/**
 * The routes that Atlas calls: one for a token, one for callbacks. A callback is answered first, and
 * then wakes the polls of the batches that it names. Its extracts are not used: only what Atlas
 * answers to a poll counts.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { noteCallback } from '../../batches/callback-silence.js';
import { type WakeResult, wakeBatch } from '../../batches/wake.js';
import { secretsOf } from '../../config/fields.js';
import { errorCode, errorFields } from '../../errors.js';
import { bodyText } from '../../http/body-text.js';
import { bearerToken } from '../bearer-token.js';
import { BodyReader } from '../body-reader.js';
import type { ServerContext } from '../context.js';
import { credentialCheck } from '../credentials.js';
import type { Rejection } from '../health/server-metrics.js';
import {
  BODY_LIMIT_BYTES,
  CALLBACK_BODY_LIMIT_BYTES,
  limitTries,
  RATED_ADDRESSES,
} from '../limits.js';
import { createCallbackTokens, TOKEN_LIFE_SECONDS } from './callback-tokens.js';
import { readCallback } from './read-callback.js';
import { WakeQueue } from './wake-queue.js';

/**
 * An address that is refused more often than this in a second gets 429 instead of 401, and no token
 * for the right credentials.
 */
const REFUSALS_PER_SECOND = 50;

const CHARSET = /charset\s*=\s*"?([\w.:-]+)/i;

const REJECTIONS: Record<number, Rejection> = {
  401: 'unauthorized',
  413: 'too-large',
  429: 'too-many',
};

/** Adds the routes, unless callbacks are off because no credentials are set. */
export async function callbacks(app: FastifyInstance, context: ServerContext): Promise<void> {
  const credentials = () => {
    const { CALLBACK_CLIENT_ID: user, CALLBACK_CLIENT_SECRET: secrets } = context.config;
    return user === null ? [] : secretsOf(secrets).map((password) => ({ user, password }));
  };
  if (credentials().length === 0) return;
  const { metrics } = context;
  const tokens = createCallbackTokens(credentials);
  const isAtlas = credentialCheck(credentials);
  const wakeQueue = new WakeQueue(createWake(context));
  const noteSignOfLife = createSignOfLife(context);

  await app.register(
    async (scope) => {
      await scope.register(rateLimit, { global: false, cache: RATED_ADDRESSES });
      // Each route has its own: what is wrong with callbacks keeps nobody from a token.
      const createCheck = () => {
        const refusals = scope.createRateLimit({ max: REFUSALS_PER_SECOND, timeWindow: 1000 });
        return async (request: FastifyRequest, reply: FastifyReply, right: boolean) => {
          const limit = await limitTries(refusals, request, right);
          if (limit !== null) {
            reply.status(429).header('retry-after', limit.retryAfterSeconds);
            await reply.send({ error: 'Too Many Requests' });
          } else if (!right) await reply.status(401).send({ error: 'Unauthorized' });
          return limit === null && right;
        };
      };
      const checkCredentials = createCheck();
      const checkToken = createCheck();
      // Every body is read as text, whatever its content type says. Fastify refuses one that is not
      // well-formed, such as `application/json,application/json`, so that only its charset is kept.
      scope.removeAllContentTypeParsers();
      scope.addHook('onRequest', async ({ headers }) => {
        const [, charset] = CHARSET.exec(headers['content-type'] ?? '') ?? [];
        headers['content-type'] = charset ? `text/plain; charset=${charset}` : 'text/plain';
      });
      const bodies = new BodyReader();
      scope.addContentTypeParser('*', async (request: FastifyRequest, payload: Readable) => {
        const { headers, routeOptions } = request;
        const body = await bodies.read(payload, routeOptions.bodyLimit ?? BODY_LIMIT_BYTES);
        return textOf(body, headers);
      });

      scope.post('/token', {
        bodyLimit: BODY_LIMIT_BYTES,
        onRequest: async (request, reply) => {
          const { 'client-id': givenId = '', 'client-secret': givenSecret = '' } = request.headers;
          const right = isAtlas(String(givenId), String(givenSecret));
          if (await checkCredentials(request, reply, right)) return;
          metrics.tokenRequests.inc({ result: 'refused' });
        },
        handler: async (_request, reply) => {
          metrics.tokenRequests.inc({ result: 'issued' });
          return reply
            .header('cache-control', 'no-store')
            .send({ access_token: await tokens.issue(), expires_in: TOKEN_LIFE_SECONDS });
        },
      });

      scope.post('/', {
        bodyLimit: CALLBACK_BODY_LIMIT_BYTES,
        onRequest: async (request, reply) => {
          const right = await tokens.isValid(tokenOf(request));
          // A token cannot be guessed: a right one is never limited.
          if (!right) await checkToken(request, reply, right);
        },
        onResponse: async (_request, { statusCode }) => {
          if (statusCode === 202) {
            metrics.callbacksReceived.inc();
            noteSignOfLife();
          } else metrics.callbacksRejected.inc({ why: REJECTIONS[statusCode] ?? 'malformed' });
        },
        handler: async (request, reply) => {
          const callback = readCallback(String(request.body ?? ''));
          if (!callback) return reply.status(400).send({ error: 'Bad Request' });
          const { documentIds, unknown } = callback;
          metrics.callbackReferences.inc({ result: 'unknown' }, unknown);
          for (const [reference, ids] of documentIds) {
            const result = wakeQueue.add(reference, ids);
            if (result !== 'queued') metrics.callbackReferences.inc({ result });
          }
          return reply.status(202).send({ status: 'accepted' });
        },
      });
      scope.addHook('onClose', () => wakeQueue.stop());
    },
    { prefix: '/callbacks/atlas' },
  );
}

/** As responses of Atlas are read. @throws an error with the status to answer with. */
function textOf(body: Buffer, headers: IncomingHttpHeaders): string {
  const said = {
    contentType: headers['content-type'] ?? '',
    contentEncoding: headers['content-encoding'] ?? '',
  };
  try {
    return bodyText(body, said, { maxBytes: CALLBACK_BODY_LIMIT_BYTES, partial: false }).text;
  } catch (error) {
    const isTooLarge = errorCode(error) === 'ERR_BUFFER_TOO_LARGE';
    throw Object.assign(new Error('the body is not what its headers say'), {
      statusCode: isTooLarge ? 413 : 400,
    });
  }
}

/** In a storm of callbacks one in a second says that Atlas calls. */
const SIGN_EVERY_MS = 1000;

function createSignOfLife({ queues }: ServerContext): () => void {
  let notedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - notedAt < SIGN_EVERY_MS) return;
    notedAt = now;
    // A callback that finds Redis away is not the last one.
    queues.link.run(() => noteCallback(queues.link.redis, queues.prefix)).catch(() => {});
  };
}

function createWake({ queues, metrics, logger, lines }: ServerContext) {
  return async (reference: string, documentIds: ReadonlySet<string> | undefined): Promise<void> => {
    let result: WakeResult | 'dropped' = 'dropped';
    try {
      result = await queues.link.run(() =>
        wakeBatch(queues, reference, documentIds ? { documentIds } : {}),
      );
      logger.debug({ reference, result }, 'a callback was handled');
    } catch (error) {
      const message = `a callback could not wake its batch, ${reference}`;
      const fields = { reference, ...errorFields(error) };
      lines.add({ level: 'warn', kind: `a callback ${fields.errorName}`, fields, message });
    }
    metrics.callbackReferences.inc({ result });
  };
}

function tokenOf({ headers }: FastifyRequest): string {
  const { token, authorization } = headers;
  return typeof token === 'string' ? token : (bearerToken(authorization) ?? '');
}
