/**
 * An S3 that stores objects in memory and can be told to misbehave; it verifies nothing.
 * For signatures there is the simulator's.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { onTestFinished } from 'vitest';

export interface ScriptedS3 {
  /** `<bucket>/<key>` to its bytes. */
  objects: Map<string, Buffer>;
  /** Every request, as `METHOD bucket/key`. */
  requests: string[];
  /** Connections that were opened. */
  connections: number;
  /** Headers of the last request. */
  lastHeaders: NodeJS.Dict<string | string[]>;
  /** Takes requests before the store does; true when it has taken one. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean;
  clientConfig: S3ClientConfig;
  /** Stops listening: the next request is refused. */
  stop(): Promise<void>;
}

export async function startScriptedS3(): Promise<ScriptedS3> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const name = decodeURIComponent(pathname.slice(1));
    s3.requests.push(`${request.method} ${name}`);
    s3.lastHeaders = request.headers;
    if (s3.fault(request, response)) return;
    if (request.method === 'PUT') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      s3.objects.set(name, Buffer.concat(chunks));
      response.setHeader('etag', '"0"').end();
      return;
    }
    const object = s3.objects.get(name);
    if (object === undefined) respondWithError(response, 404, 'NoSuchKey');
    else response.end(object);
  });
  server.on('connection', () => {
    s3.connections += 1;
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const s3: ScriptedS3 = {
    objects: new Map(),
    requests: [],
    connections: 0,
    lastHeaders: {},
    fault: () => false,
    clientConfig: {
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret-canary' },
    },
    stop,
  };
  onTestFinished(stop);
  return s3;
}

export function respondWithError(response: ServerResponse, status: number, code: string): true {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>body canary</Message></Error>`,
  );
  return true;
}
