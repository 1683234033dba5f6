/**
 * Stands before the Atlas stand-in and is as bad as an Atlas may be: its faults repeat whatever
 * they were sent. It remembers every secret that passes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const BODY_CANARY = 'canary-in-an-error-body';

export interface LeakyAtlas {
  url: string;
  /** Tokens, signatures of pre-signed URLs, and what its faults said. */
  secrets: Set<string>;
  /** Requests that met a fault, by fault. */
  faults: Map<string, number>;
}

type Fault = (body: string, request: IncomingMessage, response: ServerResponse) => void;

const respond =
  (status: number, headers: Record<string, string>, prefix = ''): Fault =>
  (body, request, response) => {
    const echo = JSON.stringify({ error: BODY_CANARY, token: request.headers.token, sent: body });
    response.writeHead(status, headers).end(prefix + echo);
  };

/** One after the other, as requests for extracts come; then all is well. */
const POLL_FAULTS: [string, Fault][] = [
  ['a 500 that repeats the request', respond(500, { 'content-type': 'application/json' })],
  ['a web page with status 200', respond(200, { 'content-type': 'text/html' }, '<html>')],
  ['a 401 with a header', respond(401, { 'www-authenticate': `Bearer ${BODY_CANARY}` })],
  ['a redirect', respond(302, { location: `http://127.0.0.1:1/?token=${BODY_CANARY}` })],
  ['half a page', (_body, _request, response) => response.end(`{"data":[{"${BODY_CANARY}`)],
  ['a cut connection', (_body, request) => request.socket.destroy()],
];
/** For batches of these references. */
const UPLOAD_FAULTS: Record<string, Fault> = {
  'refused-1': respond(422, { 'content-type': 'application/json' }),
  'ambiguous-1': respond(500, { 'content-type': 'application/json' }),
  'nameless-1': respond(200, { 'content-type': 'application/json' }),
};

export async function startLeakyAtlas(upstream: string): Promise<LeakyAtlas> {
  const secrets = new Set<string>([BODY_CANARY]);
  const faults = new Map<string, number>();
  let polls = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const { token } = request.headers;
    if (typeof token === 'string') secrets.add(token);
    for (const [, signature = ''] of body.matchAll(/X-Amz-Signature=([0-9a-f]+)/g)) {
      secrets.add(signature);
    }
    const [name, fault] = chooseFault(request, body);
    if (fault) {
      faults.set(name, (faults.get(name) ?? 0) + 1);
      return fault(body, request, response);
    }
    const headers = Object.entries(request.headers).flatMap(([key, value]): [string, string][] =>
      typeof value === 'string' && /^(token|client-|content-type)/.test(key) ? [[key, value]] : [],
    );
    const init = { method: request.method ?? 'GET', headers, ...(body && { body }) };
    const passed = await fetch(upstream + (request.url ?? ''), init);
    response.writeHead(passed.status, { 'content-type': 'application/json' });
    response.end(await passed.text());
  });

  function chooseFault(request: IncomingMessage, body: string): [string, Fault | undefined] {
    if (request.url?.includes('/extracts')) {
      polls += 1;
      return POLL_FAULTS[polls - 1] ?? ['', undefined];
    }
    const reference = Object.keys(UPLOAD_FAULTS).find((one) => body.includes(`${one}/`));
    return reference === undefined ? ['', undefined] : [reference, UPLOAD_FAULTS[reference]];
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, secrets, faults };
}
