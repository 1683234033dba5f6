import { request } from 'node:http';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createWorkerHealth } from '../../src/server/server.js';
import { testRedis } from '../helpers/redis.js';
import { AUTHORIZATION, CALLBACKS, createServer, LOGIN, SILENT } from './test-server.js';

it('ADMIN_PORT has all routes but the callbacks', async () => {
  const { server } = await createServer({ ADMIN_PORT: '0', ...LOGIN, ...CALLBACKS });
  const { url, adminUrl } = await server.listen();
  expect(adminUrl).not.toBe(url);
  const status = async (address: string, method = 'GET') =>
    (await fetch(address, { method })).status;
  expect(await status(`${url}/callbacks/atlas/token`, 'POST')).toBe(401);
  expect(await status(`${adminUrl}/callbacks/atlas/token`, 'POST')).toBe(404);
  expect(await status(`${url}/health/live`)).toBe(200);
  expect(await status(`${url}/livez`)).toBe(200);
  expect(await status(`${url}/health/ready`)).toBe(404);
  expect(await status(`${url}/readyz`)).toBe(404);
  expect(await status(`${url}/metrics`)).toBe(404);
  expect(await status(`${url}/dashboard`)).toBe(404);
  expect(await status(`${adminUrl}/health/live`)).toBe(200);
  expect(await status(`${adminUrl}/metrics`)).toBe(200);
  expect(await status(`${adminUrl}/dashboard`)).toBe(401);
});

it('responses have security headers and no banner', async () => {
  const { server } = await createServer();
  for (const path of ['/health/live', '/nowhere']) {
    const { headers } = await server.app.inject(path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(headers).not.toHaveProperty('server');
    expect(headers).not.toHaveProperty('x-powered-by');
  }
});

it('a server stops although a request hangs, and can be stopped twice', async () => {
  const { server } = await createServer();
  const { url } = await server.listen();
  const hanging = request(`${url}/health/live`, { method: 'POST' });
  hanging.on('error', () => {});
  hanging.write('{');
  await new Promise((resolve) => hanging.once('socket', resolve));
  await Promise.all([server.stop(), server.stop()]);
  await expect(fetch(`${url}/health/live`)).rejects.toThrow();
});

it('WORKER_PORT has health and metrics of a worker, and nothing else', async () => {
  const { url, prefix } = testRedis();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix, ...LOGIN, ...CALLBACKS };
  expect(await createWorkerHealth({ environment, logger: SILENT })).toBeUndefined();
  const health = await createWorkerHealth({
    environment: { ...environment, WORKER_PORT: '0' },
    logger: SILENT,
  });
  onTestFinished(() => health?.stop());
  const status = async (path: string) => (await health?.app.inject(path))?.statusCode;
  expect(await status('/health/live')).toBe(200);
  expect(await status('/livez')).toBe(200);
  expect(await status('/readyz')).toBe(200);
  expect(await status('/metrics')).toBe(200);
  expect(await status('/dashboard/batches')).toBe(404);
  const callback = await health?.app.inject({ method: 'POST', url: '/callbacks/atlas/token' });
  expect(callback?.statusCode).toBe(404);
});

it.each([
  [{ DASHBOARD_USER: 'operator' }, 'DASHBOARD_PASSWORD'],
  [{ DASHBOARD_PASSWORD: 'secret-canary' }, 'DASHBOARD_PASSWORD'],
  [{ ...LOGIN, DASHBOARD_USER: 'a:b' }, 'DASHBOARD_USER'],
  [{ CALLBACK_CLIENT_SECRET: 'secret-canary' }, 'CALLBACK_CLIENT_SECRET'],
  [{ ...LOGIN, DASHBOARD_PASSWORD: 'canary' }, 'DASHBOARD_PASSWORD must have at least 12'],
  [{ ...CALLBACKS, CALLBACK_CLIENT_SECRET: 'canary' }, 'CALLBACK_CLIENT_SECRET must have at'],
  [{ PORT: '65536' }, 'PORT'],
  [{ ADMIN_PORT: 'x' }, 'ADMIN_PORT'],
])(
  'the error of a wrong configuration %o names its variable, and no secret',
  async (environment, name) => {
    const failure = await createServer(environment as Record<string, string>).catch(String);
    expect(failure).toContain(name);
    expect(failure).not.toContain('canary');
  },
);

it('a request that Redis refuses is in the log, once for many', async () => {
  const warn = vi.fn();
  const { server, url, prefix } = await createServer(LOGIN, { logger: { ...SILENT, warn } });
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  // As full, or forbidden: the reply to a command is an error.
  await redis.set(`${prefix}:atlas-batches:wait`, 'no list');
  for (let i = 0; i < 2; i += 1) {
    const headers = { authorization: AUTHORIZATION };
    const page = await server.app.inject({ url: '/dashboard/batches', headers });
    expect(page.statusCode).toBe(503);
  }
  const said = /^a request was not served: Redis at .* refuses us: WRONGTYPE /;
  expect(warn.mock.calls).toEqual([[{ route: '/dashboard/batches' }, expect.stringMatching(said)]]);
});
