/** What no route takes: paths that nobody can read, methods that a path has not, bytes that are no HTTP. */
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { TOKENS, tokensFile } from './api/test-api.js';
import { AUTHORIZATION, CALLBACKS, createServer, LOGIN } from './test-server.js';

const ALL = () => ({ ...LOGIN, ...CALLBACKS, API_TOKENS_FILE: tokensFile(), BASE_PATH: '/ops' });
const BROWSER = {
  authorization: AUTHORIZATION,
  accept: 'text/html',
  'sec-fetch-site': 'same-origin',
};
const APP = { authorization: `Bearer ${TOKENS.operate}` };

it.each(['', '/ops'])(
  'below "%s", a path that cannot be read is a bad request in the form of its part, and not repeated',
  async (base) => {
    const { server } = await createServer(ALL());
    for (const bad of ['%ZZ', '%', 'x%ff', '%c3%28', 'x%2']) {
      for (const path of ['/batches/', '/batches/x/', '/none/', '/batches']) {
        const api = await server.app.inject({ url: `${base}/api/v1${path}${bad}`, headers: APP });
        expect(api.json()).toEqual({
          ...{ type: 'about:blank', title: 'Bad Request', status: 400, code: 'INVALID_REQUEST' },
          detail: expect.any(String),
        });
        expect(api.headers['content-type']).toMatch(/^application\/problem\+json/);
        const page = await server.app.inject({
          url: `${base}/dashboard${path}${bad}`,
          headers: BROWSER,
        });
        expect([page.statusCode, page.headers['content-type']]).toEqual([
          400,
          'text/html; charset=utf-8',
        ]);
        expect(page.body).toContain('Bad Request');
        for (const { body } of [api, page]) expect(body).not.toContain(bad === '%' ? '%%' : bad);
      }
      for (const url of [`/callbacks/${bad}`, `/${bad}`, `/health/live${bad}`, `/api/v2${bad}`]) {
        const response = await server.app.inject({ url: base + url });
        expect([url, response.statusCode, response.body]).toEqual([
          url,
          400,
          '{"error":"Bad Request"}',
        ]);
        expect(response.headers['x-content-type-options']).toBe('nosniff');
      }
    }
    const query = await server.app.inject({ url: `${base}/health/live?x=%ZZ` });
    expect(query.statusCode).toBe(200);
  },
);

it('who has no token, or has not logged in, is told that first', async () => {
  const { server } = await createServer(ALL());
  for (const url of ['/api/v1/batches/%ZZ', '/dashboard/batches/%ZZ', '/dashboard/%ZZ'])
    expect([url, (await server.app.inject({ url })).statusCode]).toEqual([url, 401]);
});

it('a parameter of any length is one that is not known', async () => {
  const { server } = await createServer(ALL());
  const long = 'x'.repeat(12_000);
  const api = await server.app.inject({ url: `/api/v1/batches/${long}`, headers: APP });
  expect(api.json()).toMatchObject({ status: 404, code: 'UNKNOWN_REFERENCE' });
  const page = await server.app.inject({ url: `/dashboard/batches/${long}`, headers: BROWSER });
  expect(page.statusCode).toBe(404);
  expect(page.body).not.toContain(long);
});

it.each([
  ['POST', '/health/live', 'GET, HEAD'],
  ['DELETE', '/metrics', 'GET, HEAD'],
  ['GET', '/callbacks/atlas', 'POST'],
  ['PUT', '/callbacks/atlas/token', 'POST'],
  ['PATCH', '/api/v1/batches/x', 'DELETE, GET, PUT'],
  ['PROPFIND', '/api/v1/batches/x', 'DELETE, GET, PUT'],
  ['GET', '/api/v1/batches:bulk', 'POST'],
  ['GET', '/api/v1/batches/x/cancel', 'POST'],
  ['POST', '/api/v1/events', 'GET'],
  ['POST', '/api/v1/docs', 'GET, HEAD'],
  ['GET', '/dashboard/pause', 'POST'],
  ['GET', '/dashboard/batches/x/retry', 'POST'],
  ['PUT', '/dashboard/bulk', 'GET, HEAD, POST'],
  ['POST', '/dashboard/batches', 'GET, HEAD'],
  ['PUT', '/dashboard/api/queues/q/pause', 'GET, HEAD'],
  ['PUT', '/dashboard/nowhere', ''],
])('%s of %s is told which methods there are: %s', async (method, path, allow) => {
  const { server } = await createServer(ALL());
  const headers = path.startsWith('/api') ? APP : path.startsWith('/dash') ? BROWSER : {};
  for (const base of ['', '/ops']) {
    const response = await server.app.inject({
      method: method as 'GET',
      url: `${base}${path}?x=/`,
      // Of a type that nobody reads.
      ...(method !== 'GET' && { payload: '{' }),
      headers: { ...headers, ...(method !== 'GET' && { 'content-type': 'application/xml' }) },
    });
    expect([response.statusCode, response.headers.allow]).toEqual([405, allow]);
    if (path.startsWith('/api')) expect(response.json().code).toBe('METHOD_NOT_ALLOWED');
    else if (path.startsWith('/dash')) expect(response.body).toContain('This cannot be done here.');
    else expect(response.body).toBe('{"error":"Method Not Allowed"}');
  }
});

it.each([
  ['what is no HTTP', 'canary\r\n\r\n', '400 Bad Request'],
  [
    'a header that is too long',
    `GET / HTTP/1.1\r\nx: ${'canary'.repeat(9000)}\r\n\r\n`,
    '431 Request Header Fields Too Large',
  ],
])('%s gets an error as others do, without what was sent', async (_what, bytes, status) => {
  const { server } = await createServer();
  const { url } = await server.listen();
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString())).on('error', reject);
  });
  const [head = '', body] = text.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`));
  expect(JSON.parse(body ?? '')).toEqual({ error: status.slice(4) });
  expect(text).not.toContain('canary');
});
