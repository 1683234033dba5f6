import { appRoutes } from '@bull-board/api/dist/routes.js';
import { expect, it } from 'vitest';
import type { AtlasBatchServer } from '../../../src/server/server.js';
import { AUTHORIZATION, createServer, LOGIN } from '../test-server.js';

const PATHS = [
  '/dashboard',
  '/dashboard/',
  '/dashboard/batches',
  '/dashboard/batches/some-reference',
  '/dashboard/queue/atlas-batches',
  '/dashboard/static/favicon.ico',
  '/dashboard/api/queues',
  '/dashboard/api/queues/atlas-batches/batch-1',
  '/dashboard/nowhere',
  '/dashboard/static/..%2findex.ejs',
  '/dashboard/batches%2Fx',
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const SAME_ORIGIN = { authorization: AUTHORIZATION, 'sec-fetch-site': 'same-origin' };

it('the dashboard does not exist without credentials', async () => {
  const { server } = await createServer();
  for (const url of PATHS) {
    const { statusCode } = await server.app.inject({
      url,
      headers: { authorization: AUTHORIZATION },
    });
    expect([url, statusCode]).toEqual([url, 404]);
  }
});

/** The style sheet and the script of a page. */
async function assetsOf(server: AtlasBatchServer): Promise<string[]> {
  const { body } = await server.app.inject({ url: '/dashboard/batches', headers: SAME_ORIGIN });
  const assets = [...body.matchAll(/(?:src|href)="(\/dashboard\/assets[^"]+)"/g)];
  expect(assets).toHaveLength(2);
  return assets.map(([, path = '']) => path);
}

it('the style sheet and the script are served without a login, for the page that says that one is needed', async () => {
  const { server } = await createServer(LOGIN);
  for (const url of await assetsOf(server)) {
    const response = await server.app.inject({ url });
    expect([url, response.statusCode]).toEqual([url, 200]);
    expect(response.body).not.toContain('correct horse');
  }
});

it('the dashboard answers 401 without a login, whatever the path and the method', async () => {
  const { server } = await createServer(LOGIN);
  const assets = await assetsOf(server);
  for (const url of [...PATHS, ...assets, '/dashboard/assets/batches.css']) {
    for (const method of METHODS) {
      if (method === 'GET' && assets.includes(url)) continue;
      const response = await server.app.inject({ method, url });
      expect([method, url, response.statusCode]).toEqual([method, url, 401]);
      expect(response.headers['www-authenticate']).toContain('Basic realm="atlas-batch"');
    }
  }
});

it.each([
  ['a wrong password', 'operator:wrong'],
  ['a wrong user', 'nobody:correct horse'],
  ['a longer password', 'operator:correct horse battery'],
  ['nothing', ':'],
])('the dashboard refuses %s', async (_what, credentials) => {
  const { server } = await createServer(LOGIN);
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const response = await server.app.inject({ url: '/dashboard/', headers: { authorization } });
  expect(response.statusCode).toBe(401);
  expect(response.body).not.toContain('horse');
});

it('the right user and password open the dashboard', async () => {
  const { server } = await createServer(LOGIN);
  for (const url of ['/dashboard', '/dashboard/', '/dashboard/batches', '/dashboard/api/queues']) {
    const { statusCode } = await server.app.inject({ url, headers: SAME_ORIGIN });
    expect([url, statusCode]).toEqual([url, 200]);
  }
});

it('failed logins are limited by name and address, and others are not affected', async () => {
  const { server } = await createServer(LOGIN);
  const attempt = (password: string, remoteAddress: string) =>
    server.app.inject({
      url: '/dashboard/',
      remoteAddress,
      headers: {
        authorization: `Basic ${Buffer.from(`operator:${password}`).toString('base64')}`,
      },
    });
  for (let i = 0; i < 10; i += 1) {
    expect((await attempt(`guess ${i}`, '192.0.2.1')).statusCode).toBe(401);
  }
  const refused = await attempt('correct horse', '192.0.2.1');
  expect(refused.statusCode).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await attempt('correct horse', '192.0.2.2')).statusCode).toBe(200);
  const { body } = await server.app.inject('/metrics');
  expect(body).toContain('atlas_batch_logins_failed_total 10');
});

it('of many logins that are tried at once no more are compared than of those one by one', async () => {
  const { server } = await createServer(LOGIN);
  const attempt = async (password: string) => {
    const authorization = `Basic ${Buffer.from(`operator:${password}`).toString('base64')}`;
    const { statusCode } = await server.app.inject({
      url: '/dashboard/batches',
      headers: { authorization },
    });
    return statusCode;
  };
  const passwords = Array.from({ length: 100 }, (_, i) => `guess ${i}`);
  const statuses = await Promise.all([...passwords, 'correct horse'].map(attempt));
  expect(statuses.at(-1)).toBe(429);
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(10);
});

it('every change that Bull Board has is refused, and none is offered', async () => {
  const { server } = await createServer(LOGIN);
  const offered = appRoutes.api.flatMap(({ method, route }) =>
    [method].flat().flatMap((one) => [route].flat().map((path) => ({ method: one, path }))),
  );
  const changes = offered.filter(({ method }) => method !== 'get');
  expect(changes.length).toBeGreaterThan(15);
  const allowed: string[] = [];
  for (const { method, path } of changes) {
    const url = `/dashboard${path}`
      .replace(':queueName', 'atlas-batches')
      .replace(':jobId', 'batch-1')
      .replace(':queueStatus', 'failed')
      .replace(':schedulerId', 'x');
    const response = await server.app.inject({
      method: method.toUpperCase() as 'PUT',
      url,
      headers: SAME_ORIGIN,
      payload: {},
    });
    if (response.statusCode === 405) continue;
    allowed.push(path);
    expect([path, response.statusCode]).toEqual([path, 404]);
  }
  expect(allowed).toEqual([]);
  const { body } = await server.app.inject({ url: '/dashboard/api/queues', headers: SAME_ORIGIN });
  const { queues } = JSON.parse(body);
  expect(queues.map(({ name }: { name: string }) => name)).toContain('atlas-webhooks');
  for (const { name, readOnlyMode, allowRetries } of queues) {
    expect([name, readOnlyMode, allowRetries]).toEqual([name, true, false]);
  }
});

it('the dashboard refuses changes by unknown methods and paths', async () => {
  const { server } = await createServer(LOGIN);
  for (const method of METHODS.filter((one) => one !== 'GET' && one !== 'HEAD')) {
    for (const url of ['/dashboard/api/queues/x/y/evil', '/dashboard/batches', '/dashboard/zzz']) {
      const { statusCode } = await server.app.inject({ method, url, headers: SAME_ORIGIN });
      expect([method, url, statusCode]).toEqual([method, url, 405]);
    }
  }
});

it.each([
  ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
  ['a neighbour', { 'sec-fetch-site': 'same-site' }, 403],
  ['another origin', { origin: 'https://evil.example', host: 'board.example' }, 403],
  ['an opaque origin', { origin: 'null', host: 'board.example' }, 403],
  ['nowhere', { host: 'board.example' }, 403],
  ['our own pages', { 'sec-fetch-site': 'same-origin' }, 303],
  ['our own origin', { origin: 'https://board.example', host: 'board.example' }, 303],
])('a change from %s with %o is answered with %i', async (_from, headers, expected) => {
  const { server } = await createServer(LOGIN);
  const { statusCode } = await server.app.inject({
    method: 'POST',
    url: '/dashboard/batches/batch-1/retry',
    headers: { authorization: AUTHORIZATION, ...headers },
  });
  expect(statusCode).toBe(expected);
});

it('the dashboard loads no script or style of other origins', async () => {
  const { server } = await createServer(LOGIN);
  const board = await server.app.inject({ url: '/dashboard/', headers: SAME_ORIGIN });
  expect(board.headers['content-security-policy']).toContain("script-src 'self';");
  expect(board.body).not.toMatch(/https?:\/\//);
  const pages = await server.app.inject({ url: '/dashboard/batches', headers: SAME_ORIGIN });
  expect(pages.headers['content-security-policy']).toContain("default-src 'none'");
  expect(pages.headers['content-security-policy']).not.toContain('unsafe');
  expect(pages.body).not.toMatch(/ style=| on[a-z]+=|<script>|<style>/);
});
