/**
 * The HTTP edge of both stand-ins: listening on a free port, reading a body within a bound,
 * answering with a length, and stopping with every socket, hung ones too.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';

/** Longer than any client keeps an idle connection: the server never cuts one under a request. */
const KEEP_ALIVE_MS = 120_000;

/** The one status here that forbids a length. */
const NO_CONTENT = 204;

/** What a handler answers; the length header is added when it is sent. */
export interface Answer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
  /** Instead of `body`: sent piece by piece, as fast as the other side reads. */
  pieces?: Iterable<Buffer>;
}

export interface ListenOptions {
  /** Default 0: a free one. */
  port?: number | undefined;
  /** Default `127.0.0.1`. */
  host?: string | undefined;
}

export interface Listener {
  port: number;
  /** `http://host:port`, without a slash at the end. */
  url: string;
  /** Closes idle and active connections; a second call waits for the first. */
  stop(): Promise<void>;
}

/** Listens on a port of this machine; by default on a free one. A handler that throws becomes a 500. */
export async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  { host = '127.0.0.1', port = 0 }: ListenOptions,
): Promise<Listener> {
  const server = createServer((request, response) => {
    handler(request, response).catch((error: unknown) => {
      if (response.destroyed || response.headersSent) response.destroy();
      else send(response, { status: 500, body: `simulator failed: ${String(error)}\n` });
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const bound = address !== null && typeof address === 'object' ? address.port : port;
  const closed = once(server, 'close');
  return {
    port: bound,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * The whole body, or undefined when it is larger than `limit` bytes. Rejects when it is cut. It does
 * not iterate over the request: benchmarks drive thousands of requests a second through one core.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    return Promise.resolve(Buffer.alloc(0));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    request.on('end', () => resolve(size > limit ? undefined : Buffer.concat(chunks, size)));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the request was cut')));
  });
}

/** Sends an answer, with its length unless it is sent piece by piece. */
export function send(response: ServerResponse, answer: Answer): void {
  if (answer.pieces !== undefined) {
    response.writeHead(answer.status, { ...answer.headers });
    pipeline(Readable.from(answer.pieces), response, () => {});
    return;
  }
  const body = answer.body ?? '';
  const headers: Record<string, string | number> = { ...answer.headers };
  if (answer.status !== NO_CONTENT) headers['content-length'] ??= Buffer.byteLength(body);
  response.writeHead(answer.status, headers);
  response.end(body);
}
