/**
 * The HTTP API below `/api/v1`: who calls, whether it may, and what it gets. What each operation does is in
 * `operations/`.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createEndWatcher } from '../../client/end-watcher.js';
import { createResultReader } from '../../client/results.js';
import { proxySettingsOf } from '../../config/proxy-fields.js';
import { REFERENCE_PATTERN } from '../../jobs/ids.js';
import { CLOSE_TIMEOUT_MS, settlesWithin, whenAborted } from '../../timeouts.js';
import { bearerToken } from '../bearer-token.js';
import { BodyReader } from '../body-reader.js';
import type { ServerContext } from '../context.js';
import { IDLE_TIMEOUT_MS } from '../limits.js';
import { logCut, logFailure } from '../log-failure.js';
import { refuseUnknown } from '../refused-requests.js';
import { type Caller, checkRole } from './access.js';
import { documentRoutes } from './document-routes.js';
import { OutcomeFeed } from './feeds/outcome-feed.js';
import { ProgressFeed } from './feeds/progress-feed.js';
import { OPEN_LIMITS, OpenCalls, type OpenLimits } from './open-calls.js';
import { API_PATH } from './openapi.js';
import type { ApiReply, ApiServices, Operation } from './operation.js';
import { OPERATIONS } from './operations.js';
import { ApiProblem, invalid, PROBLEM_TYPE, toProblem } from './problem.js';
import { readQuery } from './query.js';
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

declare module 'fastify' {
  interface FastifyRequest {
    apiCaller: Caller | null;
  }
}

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
  const handlers: Handlers = { context, services, openCalls, identify, findCaller };
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

/** What routes of operations are made with. */
interface Handlers {
  context: ServerContext;
  services: ApiServices;
  openCalls: OpenCalls;
  identify: Identify;
  findCaller: FindCaller;
}

function operationRoutes(scope: FastifyInstance, handlers: Handlers): void {
  scope.decorateRequest('apiCaller', null);
  acceptBodies(scope);
  scope.addHook('onRequest', async (request) => {
    request.apiCaller = handlers.identify(request);
  });
  for (const operation of OPERATIONS) addRoute(scope, handlers, operation);
}

/** Bodies are JSON, or the bytes of lines of JSON. */
function acceptBodies(scope: FastifyInstance): void {
  const bodies = new BodyReader();
  const read = (request: FastifyRequest, payload: Readable) =>
    bodies.read(payload, request.routeOptions.bodyLimit ?? 0);
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/json',
    async (request: FastifyRequest, payload: Readable) => jsonOf(await read(request, payload)),
  );
  scope.addContentTypeParser('application/x-ndjson', read);
}

/** @throws ApiProblem for what is no JSON. */
function jsonOf(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw invalid('INVALID_REQUEST', ['the body must be JSON in UTF-8']);
  }
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

/** Who sends a request. @throws ApiProblem for nobody that is known, and for who calls too often. */
type Identify = (request: FastifyRequest) => Caller;

function createIdentify(findCaller: FindCaller, rate: RequestRate): Identify {
  return ({ headers }) => {
    const token = bearerToken(headers.authorization);
    const caller = token === undefined ? null : findCaller(token);
    if (caller === null) throw new ApiProblem('UNAUTHORIZED');
    rate.count(caller.name);
    return caller;
  };
}

function addRoute(
  scope: FastifyInstance,
  { context, services, openCalls, findCaller }: Handlers,
  operation: Operation,
): void {
  const { method, path, body } = operation;
  scope.route<{ Params: { reference?: string }; Querystring: Record<string, unknown> }>({
    method,
    // A colon begins a parameter in routes; two are one.
    url: path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1'),
    bodyLimit: body?.limitBytes ?? 1,
    exposeHeadRoute: false,
    // Before the body is read.
    onRequest: async ({ apiCaller, headers }) => {
      if (apiCaller) checkRole(apiCaller, operation.action);
      checkContentType(operation, headers['content-type']);
    },
    async handler(request, reply) {
      const { apiCaller: caller } = request;
      if (!caller) throw new ApiProblem('UNAUTHORIZED');
      const leaving = new AbortController();
      reply.raw.on('close', () => leaving.abort());
      const result = await operation.handle(services, {
        caller,
        reference: referenceOf(operation, request.params.reference),
        query: readQuery(operation.query, request.query),
        body: operation.body && (request.body ?? undefined),
        address: request.ip,
        signal: leaving.signal,
        holdOpen(kind) {
          const close = openCalls.open(kind, caller.name);
          whenAborted(leaving.signal, close);
          return close;
        },
        // A request that is injected has no socket.
        allowSilence: (ms) => void request.raw.socket.setTimeout?.(ms + IDLE_TIMEOUT_MS),
        isStillKnown: () => findCaller(bearerToken(request.headers.authorization) ?? '') !== null,
        header: (name) => String(request.headers[name] ?? '') || undefined,
      });
      // Nothing else comes on a connection that would keep the server from stopping.
      if (services.closing.aborted) reply.header('connection', 'close');
      return send(reply, operation, result, (error) =>
        logCut(context, request, error, toProblem(error).code === 'INTERNAL'),
      );
    },
  });
}

/** @throws ApiProblem for what is no reference. */
function referenceOf({ action }: Operation, reference: string | undefined): string {
  if (reference === undefined || REFERENCE_PATTERN.test(reference)) return reference ?? '';
  // Whoever adds it is told with all else that is wrong; others can only ask for a batch that is not there.
  if (action === 'add') return reference;
  throw new ApiProblem('UNKNOWN_REFERENCE');
}

/** @throws ApiProblem for lines where JSON is expected, the other way round, and for anything else. */
function checkContentType({ body }: Operation, given = ''): void {
  const type = given.split(';')[0]?.trim().toLowerCase();
  if (body === undefined || type === '' || type === body.contentType) return;
  throw new ApiProblem('UNSUPPORTED_MEDIA_TYPE', {
    detail: `the body must be ${body.contentType}`,
  });
}

/** @param onCut Told why a response has no end that has begun. */
function send(
  reply: FastifyReply,
  { responses }: Operation,
  result: ApiReply,
  onCut: (error: unknown) => void,
): FastifyReply {
  reply.status(result.status).headers(result.headers ?? {});
  if (result.stream === undefined) return reply.send(result.body);
  reply.type(responses[result.status]?.contentType ?? 'text/plain');
  const stream = Readable.from(result.stream, { objectMode: false });
  return reply.send(stream.on('error', onCut));
}
