/**
 * What no route takes: a path that cannot be read, one that there is not, a method that it has not. Each part
 * of the server says so in its own form, for these are errors in its scope, after its login.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** It says nothing of what was sent. */
class RefusedRequest extends Error {
  constructor(readonly statusCode: 400 | 404 | 405) {
    super(STATUS_CODES[statusCode]);
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods of the routes of a path, in their order; none of a path that there is not. */
    methodsOf(path: string): string[];
  }
}

/** Must come before the routes. */
export function refuseRequests(app: FastifyInstance): void {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    routes.set(url, route);
    for (const one of [method].flat()) route.methods.add(one.toUpperCase());
  });
  app.decorate('methodsOf', (path) => {
    const found = [...routes.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  });
  // After every login, and before a body is read.
  app.addHook('preParsing', async (request, reply) => {
    if (!isReadable(request.originalUrl)) throw new RefusedRequest(400);
    if (!request.is404) return;
    const isKnown = app.methodsOf(pathOf(request)).length > 0;
    return isKnown ? refuseMethod(request, reply) : refuseUnknown();
  });
  app.setNotFoundHandler(refuseUnknown);
}

/** As the handler of a scope it makes unknown paths below it the scope's. */
export function refuseUnknown(): never {
  throw new RefusedRequest(404);
}

/** @throws an error that is 405, and sets `Allow`. */
export function refuseMethod(request: FastifyRequest, reply: FastifyReply): never {
  reply.header('allow', request.server.methodsOf(pathOf(request)).join(', '));
  throw new RefusedRequest(405);
}

function pathOf({ url }: Pick<FastifyRequest, 'url'>): string {
  return url.replace(/[?#].*$/s, '');
}

/** The address with a path that can be read: of one that cannot, each `%` stands for itself. */
export function readableUrl(url: string): string {
  if (isReadable(url)) return url;
  const path = pathOf({ url });
  return path.replaceAll('%', '%25') + url.slice(path.length);
}

function isReadable(url: string): boolean {
  try {
    decodeURIComponent(pathOf({ url }));
    return true;
  } catch {
    return false;
  }
}

/** Of the paths of a route: a parameter is one segment, two colons are one. */
function patternOf(url: string): RegExp {
  const source = url
    .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/::|:\w+|\*/g, (part) => (part === '::' ? ':' : part === '*' ? '.*' : '[^/]+'));
  return new RegExp(`^${source}$`);
}

const UNREADABLE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/** To bytes that are no request of HTTP, or not all of one. */
export function refuseBytes({ code }: { code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = UNREADABLE[code ?? ''] ?? 400;
  const title = STATUS_CODES[status];
  const body = JSON.stringify({ error: title });
  const headers = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`;
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
}
