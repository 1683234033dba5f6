import { expect, it } from 'vitest';
import { createToken } from '../../src/config/api-tokens.js';
import { loadServerConfig } from '../../src/config/environment.js';
import { withoutBase } from '../../src/server/base-path.js';
import { startApi } from './api/test-api.js';
import { routesOf } from './routes-of.js';
import { AUTHORIZATION, CALLBACKS, createServer, LOGIN } from './test-server.js';

const HEADERS = { authorization: AUTHORIZATION, 'sec-fetch-site': 'same-origin' };

it.each([
  ['/ops/dashboard?x=/ops', '/dashboard?x=/ops'],
  ['/ops', '/'],
  ['/ops?x', '/?x'],
  ['/opsx/y', '/opsx/y'],
  ['/dashboard', '/dashboard'],
])('below /ops, %s is %s', (url, rest) => {
  expect(withoutBase(url, '/ops')).toBe(rest);
});

it('below a path every link, form, asset and redirect has it, of our pages and of Bull Board', async () => {
  const { server } = await createServer({ ...LOGIN, ...CALLBACKS, BASE_PATH: '/ops/atlas/' });
  const page = await server.app.inject({ url: '/ops/atlas/dashboard/batches', headers: HEADERS });
  const addresses = [...page.body.matchAll(/ (?:href|src|action)="(\/[^"]*)"/g)];
  expect(addresses.length).toBeGreaterThan(5);
  for (const [, address = ''] of addresses) {
    expect(address).toMatch(/^\/ops\/atlas\/dashboard/);
    if (!address.includes('/assets/')) continue;
    const { statusCode } = await server.app.inject({ url: address, headers: HEADERS });
    expect([address, statusCode]).toEqual([address, 200]);
  }
  const url = '/ops/atlas/dashboard/resume';
  const change = await server.app.inject({ method: 'POST', url, headers: HEADERS });
  expect(change.headers.location).toBe('/ops/atlas/dashboard/batches');
  const board = await server.app.inject({ url: '/ops/atlas/dashboard/', headers: HEADERS });
  expect(board.body).toContain('<base href="/ops/atlas/dashboard/"');
  expect(board.body).toContain('"url":"/ops/atlas/dashboard/batches"');
  const script = /src="(static\/[^"]+)"/.exec(board.body)?.[1];
  const asset = { url: `/ops/atlas/dashboard/${script}`, headers: HEADERS };
  expect((await server.app.inject(asset)).statusCode).toBe(200);
});

it('a proxy that takes the path away reaches the same, and so do health and callbacks', async () => {
  const { server } = await createServer({ ...LOGIN, ...CALLBACKS, BASE_PATH: '/ops' });
  for (const url of ['/dashboard/batches', '/ops/dashboard/batches']) {
    expect((await server.app.inject({ url, headers: HEADERS })).statusCode).toBe(200);
    expect((await server.app.inject({ url })).statusCode).toBe(401);
  }
  for (const url of ['/health/live', '/ops/health/live']) {
    expect((await server.app.inject({ url })).statusCode).toBe(200);
  }
  const token = { method: 'POST', url: '/ops/callbacks/atlas/token' } as const;
  expect((await server.app.inject(token)).statusCode).toBe(401);
});

it('the text of a batch is no link, whatever it holds', async () => {
  const { server } = await createServer({ ...LOGIN, BASE_PATH: '/ops' });
  const url = `/dashboard/batches?q=${encodeURIComponent('x href="/dashboard')}`;
  const { body } = await server.app.inject({ url, headers: HEADERS });
  expect(body).toContain('x href=&quot;/dashboard');
});

it('the document of the API and its page say where the routes are below a path', async () => {
  const server = (await startApi({ ...LOGIN, BASE_PATH: '/ops' })).server;
  const read = (url: string) => server.app.inject({ url, headers: HEADERS });
  const document = await read('/ops/api/v1/openapi.json');
  expect(document.json().servers).toEqual([{ url: '/ops' }]);
  expect(Object.keys(document.json().paths)).toContain('/api/v1/batches');
  const { body } = await read('/ops/api/v1/docs');
  expect(body).toContain('<a href="/ops/api/v1/openapi.json">');
  expect(body).toContain('<code>/ops/api/v1/batches/{reference}</code>');
});

it('a path at which a route of ours begins is refused, for then nobody could tell whether a proxy has taken it away', async () => {
  const API_TOKENS = createToken('app', 'read', null).line;
  const { server, url } = await createServer({ ...LOGIN, ...CALLBACKS, API_TOKENS });
  await server.app.ready();
  const routes = routesOf(server.app.printRoutes({ commonPrefix: false }));
  const beginnings = routes.flatMap((route) => {
    const path = route.replace(/^\w+ /, '').replaceAll(/:\w+|\*/g, 'x');
    const [, ...segments] = path.split('/');
    return segments.map((_, i) => `/${segments.slice(0, i + 1).join('/')}`);
  });
  const paths = new Set(beginnings.filter((path) => /^[\w./~-]+$/.test(path) && path !== '/'));
  expect(paths.size).toBeGreaterThan(20);
  for (const BASE_PATH of paths)
    expect(() => loadServerConfig({ REDIS_URL: url, BASE_PATH }), BASE_PATH).toThrow(
      'BASE_PATH must be another path than those of our own routes, such as /dashboard',
    );
  for (const BASE_PATH of ['/', '/dash', '/dashboards', '/ops/dashboard', '/api/atlas'])
    expect(loadServerConfig({ REDIS_URL: url, BASE_PATH })).toMatchObject({ BASE_PATH });
});
