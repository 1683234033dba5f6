/**
 * The HTTP API below `/api/v1`: who calls, whether it may, and what it gets. What each operation does is in
 * `operations/`.
 */
import type { FastifyInstance } from 'fastify';
import { createEndWatcher } from '../../client/end-watcher.js';
import { createResultReader } from '../../client/results.js';
import { proxySettingsOf } from '../../config/proxy-fields.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../../timeouts.js';
import { bearerToken } from '../bearer-token.js';
import type { ServerContext } from '../context.js';
import { logFailure } from '../log-failure.js';
import { refuseUnknown } from '../refused-requests.js';
import { documentRoutes } from './document-routes.js';
import { OutcomeFeed } from './feeds/outcome-feed.js';
import { ProgressFeed } from './feeds/progress-feed.js';
import { OPEN_LIMITS, OpenCalls, type OpenLimits } from './open-calls.js';
import { API_PATH } from './openapi.js';
import type { ApiServices } from './operation.js';
import { type Identify, type OperationHandlers, operationRoutes } from './operation-routes.js';
import { ApiProblem, PROBLEM_TYPE, toProblem } from './problem.js';
import { RequestRate } from './request-rate.js';
import { callerFinder, type FindCaller } from './tokens.js';

export interface ApiLimits {
  /** Requests of one token in ten seconds, in this process. */
  requestsInWindow: number;
  open: OpenLimits;
}

/** Five hundred a second, in any bursts: one process serves no more of them beside other work. */
const LIMITS: ApiLimits = { requestsInWindow: 5000, open: OPEN_LIMITS };

const CHALLENGE = 'Bearer realm="atlas-batch"';

export interface ApiOptions {
  /** Whether the login of the dashboard opens the document of the API. */
  withLogin: boolean;
  limits?: ApiLimits;
}

/** Adds the routes, unless they are off because no tokens are set. */
export async function api(
  app: FastifyInstance,
  context: ServerContext,
  { withLogin, limits = LIMITS }: ApiOptions,
): Promise<void> {
  if (context.config.API_TOKENS === null) return;
  const { services, close } = openServices(context);
  app.addHook('preClose', async () => close.begin());
  app.addHook('onClose', () => close.end());
  const findCaller = callerFinder(() => context.config.API_TOKENS ?? '');
  const identify = createIdentify(findCaller, new RequestRate(limits.requestsInWindow));
  const openCalls = new OpenCalls(limits.open);
  const handlers: OperationHandlers = { context, services, openCalls, identify, findCaller };
  await app.register(
    async (scope) => {
      sendProblems(scope, context);
      scope.setNotFoundHandler(refuseUnknown);
      scope.addHook('onRequest', async (request, reply) => {
        reply.header('cache-control', 'no-store');
        // Unknown paths ask for a token too.
        if (request.is404) identify(request);
      });
      scope.addHook('onResponse', async (_request, { statusCode: status }) => {
        context.metrics.apiRequests.inc({ status: String(status) });
      });
      await scope.register(async (inner) => operationRoutes(inner, handlers));
      await scope.register((inner) =>
        documentRoutes(inner, context, { checkToken: identify, withLogin }),
      );
    },
    { prefix: API_PATH },
  );
}

function openServices({ config, queues, logger }: ServerContext) {
  const closing = new AbortController();
  const services: ApiServices = {
    queues,
    config,
    logger,
    watcher: createEndWatcher(queues),
    results: createResultReader(queues, {
      s3: { forcePathStyle: config.S3_FORCE_PATH_STYLE },
      proxy: proxySettingsOf(config),
    }),
    outcomes: new OutcomeFeed(queues),
    progress: new ProgressFeed(queues),
    closing: closing.signal,
  };
  const close = {
    begin: () => closing.abort(),
    async end() {
      closing.abort();
      await settlesWithin(services.watcher.close(), CLOSE_TIMEOUT_MS);
      services.outcomes.close();
      services.progress.close();
      services.results.close();
    },
  };
  return { services, close };
}

function sendProblems(scope: FastifyInstance, context: ServerContext): void {
  scope.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    logFailure(context, request, error, problem.code === 'INTERNAL');
    // A login that fails has said it.
    if (problem.retryAfterSeconds !== undefined && !reply.hasHeader('retry-after')) {
      reply.header('retry-after', problem.retryAfterSeconds);
    }
    if (problem.code === 'UNAUTHORIZED' && !reply.hasHeader('www-authenticate')) {
      reply.header('www-authenticate', CHALLENGE);
    }
    return reply.status(problem.status).type(PROBLEM_TYPE).send(problem.body);
  });
}

function createIdentify(findCaller: FindCaller, rate: RequestRate): Identify {
  return ({ headers }) => {
    const token = bearerToken(headers.authorization);
    const caller = token === undefined ? null : findCaller(token);
    if (caller === null) throw new ApiProblem('UNAUTHORIZED');
    rate.count(caller.name);
    return caller;
  };
}
