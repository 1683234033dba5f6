/** A client for one host: requests below one base URL, over a pool of connections. */
import { Pool } from 'undici';
import { type BodyPolicy, createSend, type HttpResult, type SendRequest } from './exchange.js';

/** A peer that has not accepted a connection by then is down; undici's own default. */
const MAX_CONNECT_TIMEOUT_MS = 10_000;

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Below the base URL, query included. */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Http {
  /** As {@link SendRequest}. */
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResult>;
  /** Cuts what is still under way. */
  close(): Promise<void>;
}

/** A pool of connections to one host. `timeoutMs` is for the whole request. */
export function createHttp(options: {
  baseUrl: string;
  timeoutMs: number;
  connections: number;
  /** Default: `of-success`. */
  bodies?: BodyPolicy;
}): Http {
  const base = new URL(options.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    connections: options.connections,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connect: { timeout: Math.min(options.timeoutMs, MAX_CONNECT_TIMEOUT_MS) },
  });
  const send = createSend(options.bodies ?? 'of-success', options.timeoutMs);
  return {
    // Spelled out: V8 keeps an object that is spread here, and its request, until a full collection.
    request: ({ method, path, headers, body = null }, signal) =>
      send(pool, { method, path: prefix + path, headers, body }, signal),
    close: () => pool.destroy(),
  };
}
