/** A client for one host: requests below one base URL, over a pool of connections. */
import { Pool } from 'undici';
import { connectorVia, withWholeUrls } from './connections.js';
import type { BodyPolicy, ResponseMemory } from './exchange.js';
import type { Proxies } from './proxy.js';
import { createSend } from './send-request.js';

/** A peer that has not accepted a connection by then is down; undici's own default. */
const MAX_CONNECT_TIMEOUT_MS = 10_000;

/**
 * Servers close idle connections without a word, and a POST that crosses that has an unknown fate. Two
 * seconds are the shortest that are in common use.
 */
const MAX_IDLE_BEFORE_POST_MS = 1000;

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Below the base URL, query included. */
  path: string;
  headers: Record<string, string>;
  body?: string | null;
}

export type Http = ReturnType<typeof createHttp>;

/**
 * Connections to one host. `timeoutMs` is for the whole request. What `request` resolves
 * to, and rejects with, is as {@link createSend} says.
 */
export function createHttp(options: {
  baseUrl: string;
  timeoutMs: number;
  connections: number;
  /** Default: `of-success`. */
  bodies?: BodyPolicy;
  /** Default: the host is reached directly. */
  proxies?: Proxies | undefined;
}) {
  const { proxies } = options;
  const base = new URL(options.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const connectTimeoutMs = Math.min(options.timeoutMs, MAX_CONNECT_TIMEOUT_MS);
  const settings: Pool.Options = {
    connections: options.connections,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connect: proxies ? connectorVia(proxies, connectTimeoutMs) : { timeout: connectTimeoutMs },
  };
  const idle = MAX_IDLE_BEFORE_POST_MS;
  const pools = {
    GET: new Pool(base.origin, settings),
    POST: new Pool(base.origin, { ...settings, keepAliveTimeout: idle, keepAliveMaxTimeout: idle }),
  };
  const through = (pool: Pool) => (proxies ? withWholeUrls(pool, proxies, base.origin) : pool);
  const dispatchers = { GET: through(pools.GET), POST: through(pools.POST) };
  const send = createSend(options.bodies ?? 'of-success', options.timeoutMs);
  return {
    // Not spread: V8 would keep the spread object, and its request, until a full collection.
    request: (
      { method, path, headers, body = null }: HttpRequest,
      signal?: AbortSignal,
      memory?: ResponseMemory,
    ) => send(dispatchers[method], { method, path: prefix + path, headers, body }, signal, memory),
    /** Cuts what is still under way. */
    async close(): Promise<void> {
      await Promise.all([pools.GET.destroy(), pools.POST.destroy()]);
    },
  };
}
