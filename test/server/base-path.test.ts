import { expect, it } from 'vitest';
import { withoutBase } from '../../src/server/base-path.js';
import { startApi } from './api/test-api.js';
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
