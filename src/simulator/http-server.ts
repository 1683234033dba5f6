/**
 * The HTTP edge of both stand-ins: listening on a free port, reading a body within a bound,
 * answering with a length, and stopping with every socket, hung ones too.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
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

export interface Listener {
  host: string;
  port: number;
  /** `http://host:port`, without a slash at the end. */
  url: string;
  /** Closes idle and active connections; a second call waits for the first. */
  stop(): Promise<void>;
}

/** Listens on `host`; port 0 takes a free one. A handler that throws becomes a 500. */
export async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  { host, port }: { host: string; port: number },
): Promise<Listener> {
  const server = createServer((request, response) => {
    handler(request, response).catch((error: unknown) => {
      if (response.destroyed || response.headersSent) response.destroy();
      else send(response, { status: 500, body: `simulator failed: ${String(error)}\n` });
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = address !== null && typeof address === 'object' ? address.port : port;
  let stopped: Promise<void> | undefined;
  return {
    host,
    port: bound,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    stop() {
      stopped ??= close(server);
      return stopped;
    },
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const EMPTY_BODY = Buffer.alloc(0);

/** The whole body, or undefined when it is larger than `limit` bytes. Rejects when it is cut. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    return Promise.resolve(EMPTY_BODY);
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

/** Sends an answer; returns the bytes of its body, without those of `pieces`. */
export function send(response: ServerResponse, answer: Answer): number {
  if (answer.pieces !== undefined) {
    response.writeHead(answer.status, { ...answer.headers });
    pipeline(Readable.from(answer.pieces), response, () => {});
    return 0;
  }
  const body = answer.body ?? '';
  const length = Buffer.byteLength(body);
  const headers: Record<string, string | number> = { ...answer.headers };
  if (answer.status !== NO_CONTENT) headers['content-length'] ??= length;
  response.writeHead(answer.status, headers);
  response.end(body);
  return length;
}
