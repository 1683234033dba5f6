/**
 * `BASE_PATH`: the server hangs below a proxy. What it is asked for is the same with and without that path,
 * since some proxies take it away and others do not; what it tells browsers to ask for has it.
 *
 * Pages write their links without it, and it is added to them on their way out. Everything else in a page is
 * escaped, so that no text of others can pass for an attribute.
 */
import type { FastifyInstance } from 'fastify';

const ATTRIBUTE = /( (?:href|src|action|formaction|data-href)=")(?=\/(?!\/))/g;

/** What stands before every path: nothing for `/`. */
export function prefixOf({ BASE_PATH }: { BASE_PATH: string }): string {
  return BASE_PATH === '/' ? '' : BASE_PATH;
}

/** What is asked for, without the path below which we hang. */
export function withoutBase(url: string, prefix: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  if (rest.startsWith('/')) return rest;
  return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
}

/** Adds the path to the redirects, and the addresses of what was made, of every response. */
export function addBasePath(app: FastifyInstance, prefix: string): void {
  if (prefix === '') return;
  app.addHook('onSend', async (_request, reply) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string' && /^\/(?!\/)/.test(location)) {
      reply.header('location', prefix + location);
    }
  });
}

/** Adds the path to the links and forms of every page of this scope. */
export function addBasePathToPages(app: FastifyInstance, prefix: string): void {
  if (prefix === '') return;
  app.addHook('onSend', async (_request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
    return isPage && typeof payload === 'string'
      ? payload.replaceAll(ATTRIBUTE, `$1${prefix}`)
      : payload;
  });
}
