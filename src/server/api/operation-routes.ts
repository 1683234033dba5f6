/** The routes of the operations: from a request to what an operation gets, and from what it returns to a response. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { REFERENCE_PATTERN } from '../../jobs/ids.js';
import { whenAborted } from '../../timeouts.js';
import { bearerToken } from '../bearer-token.js';
import { BodyReader } from '../body-reader.js';
import type { ServerContext } from '../context.js';
import { IDLE_TIMEOUT_MS } from '../limits.js';
import { logCut } from '../log-failure.js';
import { type Caller, checkRole } from './access.js';
import type { OpenCalls } from './open-calls.js';
import type { ApiReply, ApiServices, Operation } from './operation.js';
import { OPERATIONS } from './operations.js';
import { ApiProblem, invalid, toProblem } from './problem.js';
import { readQuery } from './query.js';
import type { FindCaller } from './tokens.js';

declare module 'fastify' {
  interface FastifyRequest {
    apiCaller: Caller | null;
  }
}

/** Who sends a request. @throws ApiProblem for nobody that is known, and for who calls too often. */
export type Identify = (request: FastifyRequest) => Caller;

/** What routes of operations are made with. */
export interface OperationHandlers {
  context: ServerContext;
  services: ApiServices;
  openCalls: OpenCalls;
  identify: Identify;
  findCaller: FindCaller;
}

export function operationRoutes(scope: FastifyInstance, handlers: OperationHandlers): void {
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

function addRoute(
  scope: FastifyInstance,
  { context, services, openCalls, findCaller }: OperationHandlers,
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
      const departure = new AbortController();
      reply.raw.on('close', () => departure.abort());
      const result = await operation.handle(services, {
        caller,
        reference: referenceOf(operation, request.params.reference),
        query: readQuery(operation.query, request.query),
        body: operation.body && (request.body ?? undefined),
        address: request.ip,
        signal: departure.signal,
        holdOpen(kind) {
          const close = openCalls.open(kind, caller.name);
          whenAborted(departure.signal, close);
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
