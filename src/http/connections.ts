/**
 * How undici connects: directly, or through a proxy. An https URL gets a tunnel (`CONNECT`), so a
 * request goes out only on a connection to the other side itself, and one that the proxy does not
 * make was not sent. An http URL is asked of the proxy by its whole URL: most proxies refuse tunnels
 * to other ports than 443.
 *
 * undici's own ProxyAgent tries for ever to connect when the proxy cuts the connection.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { buildConnector, type Dispatcher, errors } from 'undici';
import { errorName } from '../errors.js';
import { PROXY_CODE, type Proxies, type ProxyServer } from './proxy.js';

/** Proxy Authentication Required: no other server answers it. */
const PROXY_WANTS_LOGIN = 407;

/** A connector for undici's pools. `timeoutMs` is for each step: to the proxy, and through it. */
export function connectorVia(proxies: Proxies, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs });
  return (options, callback) => {
    const proxy = proxies.of(options);
    if (proxy === undefined) return connect(options, callback);
    if (options.protocol === 'http:') return connect(addressOf(proxy.url), withProxyCode(callback));
    const authority = options.port ? (options.host ?? options.hostname) : `${options.host}:443`;
    openTunnel(proxy, authority, timeoutMs).then(
      (httpSocket) => connect({ ...options, httpSocket }, callback),
      (error) => callback(error, null),
    );
  };
}

/**
 * Connects to the host of a URL, TLS included, and hangs up: nothing is sent. An http URL behind a proxy gets as
 * far as the proxy.
 * @param timeoutMs as for {@link connectorVia}
 * @throws Error whose code says why there is no connection.
 */
export async function tryConnection(
  url: URL,
  proxies: Proxies | undefined,
  timeoutMs: number,
): Promise<void> {
  const connect = proxies
    ? connectorVia(proxies, timeoutMs)
    : buildConnector({ timeout: timeoutMs });
  const socket = await new Promise<Socket>((resolve, reject) => {
    connect(addressOf(url), (...[error, connected]) =>
      error ? reject(error) : resolve(connected),
    );
  });
  socket.destroy();
}

/**
 * Asks a proxy by the whole URL where it is not asked for a tunnel.
 * @param poolOrigin Of a pool, whose requests name no origin.
 */
export function withWholeUrls(
  dispatcher: Dispatcher,
  proxies: Proxies,
  poolOrigin?: string,
): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const url = new URL(String(options.origin ?? poolOrigin));
    const proxy = url.protocol === 'http:' ? proxies.of(url) : undefined;
    if (proxy === undefined) return dispatch(options, handler);
    const login = proxy.authorization && { 'proxy-authorization': proxy.authorization };
    const headers = { ...(options.headers as Record<string, string> | null), ...login };
    const whole = { ...options, path: url.origin + options.path, headers };
    return dispatch(whole, new ResponseOfProxy(handler));
  });
}

/** Tells what a proxy itself answers (407) from what it brings: an error instead of a response. */
class ResponseOfProxy implements Dispatcher.DispatchHandler {
  constructor(private readonly handler: Dispatcher.DispatchHandler) {}

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.handler.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    if (status === PROXY_WANTS_LOGIN) controller.abort(proxyError(String(status)));
    else this.handler.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.handler.onResponseError?.(controller, error);
  }
}

function openTunnel(proxy: ProxyServer, authority: string, timeoutMs: number): Promise<Socket> {
  const send = proxy.url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      host: proxy.url.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.url.port,
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        connection: 'keep-alive',
        ...(proxy.authorization && { 'proxy-authorization': proxy.authorization }),
      },
      agent: false,
    });
    const timer = setTimeout(() => request.destroy(new errors.ConnectTimeoutError()), timeoutMs);
    request.once('connect', ({ statusCode = 0 }, socket: Socket) => {
      clearTimeout(timer);
      if (statusCode >= 200 && statusCode < 300) resolve(socket);
      else {
        socket.destroy();
        reject(proxyError(String(statusCode)));
      }
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(proxyError(errorName(error)));
    });
    request.end();
  });
}

function withProxyCode(callback: buildConnector.Callback): buildConnector.Callback {
  return (...[error, socket]) =>
    error ? callback(proxyError(errorName(error)), null) : callback(null, socket);
}

/** Only the code is kept: it says that the proxy is to blame, and holds nothing of its URL. */
function proxyError(code: string): Error {
  return Object.assign(new Error('the proxy did not connect'), { code: PROXY_CODE + code });
}

function addressOf({ hostname, host, protocol, port }: URL): buildConnector.Options {
  return { hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port };
}
