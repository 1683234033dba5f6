import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request as forward, type IncomingMessage, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  type createServer as createTcpServer,
  type Socket,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { TestAuthority } from './certificates.js';

/** A forward proxy for tunnels and for http. Every host name leads to this machine. */
export interface TestProxy {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  /** What was asked for: `host:port` of tunnels, whole URLs of http. */
  readonly asked: string[];
  /** The `Proxy-Authorization` headers. */
  readonly logins: (string | undefined)[];
  /** What becomes of a tunnel: let through, answered with this status, cut, no answer. */
  mode: 'forward' | number | 'cut' | 'hang';
  /** What it wants as `Proxy-Authorization`, of tunnels and of http; null for nothing. Otherwise 407. */
  login: string | null;
  /** Cuts all that is open. */
  cutAll(): void;
}

export async function startProxy(): Promise<TestProxy> {
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    const url = new URL(take(request));
    if (!mayPass(request)) {
      response.writeHead(407).end('secret');
      return;
    }
    const { method, headers } = request;
    const { 'proxy-authorization': _, ...rest } = headers;
    const path = url.pathname + url.search;
    const onward = forward({ host: '127.0.0.1', port: url.port, path, method, headers: rest });
    onward.on('response', (back) => {
      response.writeHead(back.statusCode ?? 500, back.headers);
      back.pipe(response);
    });
    onward.on('error', () => request.socket.destroy());
    request.pipe(onward);
  });
  const take = ({ url = '', headers }: IncomingMessage) => {
    proxy.asked.push(url);
    proxy.logins.push(headers['proxy-authorization']);
    return url;
  };
  const mayPass = ({ headers }: IncomingMessage) =>
    proxy.login === null || headers['proxy-authorization'] === proxy.login;
  const keep = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  server.on('connection', keep);
  server.on('connect', (request, socket) => {
    const port = Number(take(request).split(':').at(-1));
    const mode = mayPass(request) ? proxy.mode : 407;
    if (mode === 'cut') socket.destroy();
    else if (typeof mode === 'number') {
      socket.end(`HTTP/1.1 ${mode} Refused\r\nContent-Length: 6\r\n\r\nsecret`);
    } else if (mode === 'forward') {
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      keep(onward);
      onward.on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
    }
  });
  const port = await listen(server);
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    server.close();
    cutAll();
  });
  const url = `http://127.0.0.1:${port}`;
  const proxy: TestProxy = {
    url,
    port,
    asked: [],
    logins: [],
    mode: 'forward',
    login: null,
    cutAll,
  };
  return proxy;
}

/** TLS before a server that speaks plain http. @returns its port */
export async function startTlsFront(authority: TestAuthority, target: string): Promise<number> {
  const { cert, key } = await authority.issue('front');
  const [certPem, keyPem] = await Promise.all([readFile(cert), readFile(key)]);
  const sockets = new Set<Socket>();
  const server = createTlsServer({ cert: certPem, key: keyPem }, (socket) => {
    const onward = connect(Number(new URL(target).port), '127.0.0.1');
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => {});
    }
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  });
  server.on('tlsClientError', () => {});
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return listen(server);
}

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
