/** A client for one host: requests below one base URL, over a pool of connections. */
import { Pool } from 'undici';
import { type BodyPolicy, createSend } from './exchange.js';

/** A peer that has not accepted a connection by then is down; undici's own default. */
const MAX_CONNECT_TIMEOUT_MS = 10_000;

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Below the base URL, query included. */
  path: string;
  headers: Record<string, string>;
  body?: string | null;
}

export type Http = ReturnType<typeof createHttp>;

/**
 * A pool of connections to one host. `timeoutMs` is for the whole request. What `request` resolves
 * to, and rejects with, is as {@link createSend} says.
 */
export function createHttp(options: {
  baseUrl: string;
  timeoutMs: number;
  connections: number;
  /** Default: `of-success`. */
  bodies?: BodyPolicy;
}) {
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
    // Not spread: V8 would keep the spread object, and its request, until a full collection.
    request: ({ method, path, headers, body = null }: HttpRequest, signal?: AbortSignal) =>
      send(pool, { method, path: prefix + path, headers, body }, signal),
    /** Cuts what is still under way. */
    close: () => pool.destroy(),
  };
}
