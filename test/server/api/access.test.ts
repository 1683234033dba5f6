/** All routes, for all who may call them, and all who may not. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { batchOf } from '../../client/test-client.js';
import { startApi, TOKENS } from './test-api.js';

const { reference: _reference, ...BATCH } = batchOf('any');

/** What each route is called with, for a batch of tenant a. New ones have to be added here. */
const ROUTES: Record<string, { payload?: object; may: readonly string[] }> = {
  'PUT /batches/{reference}': { payload: BATCH, may: ['submit', 'operate'] },
  'POST /batches:bulk': { payload: batchOf('new'), may: ['submit', 'operate'] },
  'GET /batches': { may: ['submit', 'read', 'operate'] },
  'GET /events': { may: ['submit', 'read', 'operate'] },
  'GET /batches/{reference}': { may: ['submit', 'read', 'operate'] },
  'GET /batches/{reference}/results': { may: ['submit', 'read', 'operate'] },
  'POST /batches/{reference}/cancel': { payload: {}, may: ['submit', 'operate'] },
  'DELETE /batches/{reference}': { may: ['operate'] },
  'POST /batches/{reference}/retry': { payload: {}, may: ['operate'] },
};

/** The routes of a reference that are not the one that adds. */
const OF_BATCH = Object.keys(ROUTES).filter(
  (route) => route.includes('{reference}') && !route.startsWith('PUT'),
);

const documented = () => {
  const { paths } = JSON.parse(readFileSync('schemas/openapi.json', 'utf8'));
  return Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.slice('/api/v1'.length)}`),
  );
};

function optionsOf(route: string) {
  const { payload } = ROUTES[route] ?? {};
  const type = route.includes(':bulk') ? 'application/x-ndjson' : 'application/json';
  return payload
    ? { payload: JSON.stringify(payload), headers: { 'content-type': type } }
    : undefined;
}

async function startWithBatches() {
  const api = await startApi();
  await api.call('submitA', 'PUT /batches/of-a', { payload: BATCH });
  await api.call('operate', 'PUT /batches/of-nobody', { payload: BATCH });
  return api;
}

it('every route of the document is in the table of this test', () => {
  expect(Object.keys(ROUTES).sort()).toEqual(documented().sort());
});

it('every route asks for a token that is known', async () => {
  const { call, server } = await startApi();
  for (const route of [...Object.keys(ROUTES), 'GET /nothing', 'PATCH /batches/x']) {
    const [method = '', path = ''] = route.replace('{reference}', 'of-a').split(' ');
    const without = await server.app.inject({ method: method as 'GET', url: `/api/v1${path}` });
    const unknown = await call('nobody', `${method} ${path}`, optionsOf(route));
    const ofOther = await server.app.inject({
      method: method as 'GET',
      url: `/api/v1${path}`,
      headers: { authorization: `Basic ${TOKENS.operate}` },
    });
    for (const { statusCode, headers, json } of [without, unknown, ofOther]) {
      expect([route, statusCode, json().code]).toEqual([route, 401, 'UNAUTHORIZED']);
      expect(headers['www-authenticate']).toContain('Bearer');
    }
  }
});

it.each(Object.entries(ROUTES))('%s is for its roles only', async (route, { may }) => {
  const { call } = await startWithBatches();
  // A stream would not end: its parameter is wrong, which is said to those who may.
  const path = route.replace('{reference}', 'of-a').replace('/events', '/events?progress=x');
  for (const [holder, role] of [
    ['readA', 'read'],
    ['read', 'read'],
    ['submitA', 'submit'],
    ['operateA', 'operate'],
    ['operate', 'operate'],
  ] as const) {
    const { statusCode } = await call(holder, path, optionsOf(route));
    expect([holder, statusCode === 403]).toEqual([holder, !may.includes(role)]);
  }
});

it.each(OF_BATCH)('%s does not know a batch of another tenant, or of nobody', async (route) => {
  const { call } = await startWithBatches();
  const isForOperators = route.endsWith('/retry') || route.startsWith('DELETE');
  const holder = isForOperators ? 'operateA' : 'submitB';
  const other = holder === 'operateA' ? 'of-nobody' : 'of-a';
  const responses = await Promise.all(
    [other, 'of-nobody', 'nothing'].map((reference) =>
      call(holder, route.replace('{reference}', reference), optionsOf(route)),
    ),
  );
  const [expected] = responses.slice(-1);
  expect(expected?.json()).toMatchObject({ status: 404, code: 'UNKNOWN_REFERENCE' });
  for (const { statusCode, body, headers } of responses) {
    expect([statusCode, body]).toEqual([404, expected?.body]);
    expect(headers['content-length']).toBe(expected?.headers['content-length']);
  }
  const { json } = await call('operate', 'GET /batches/of-a');
  expect(json()).toMatchObject({ state: 'queued' });
});

it.each(OF_BATCH)('%s knows every batch for a token without a tenant', async (route) => {
  const { call } = await startWithBatches();
  for (const reference of ['of-a', 'of-nobody']) {
    const path = route.replace('{reference}', reference);
    const { statusCode } = await call('operate', path, optionsOf(route));
    expect(statusCode).not.toBe(404);
    expect(statusCode).not.toBe(403);
  }
});

it('who waits for a batch whose reference is used again by others sees nothing of theirs', async () => {
  const { call, url, prefix } = await startWithBatches();
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  const waiting = call('submitA', 'GET /batches/of-a?wait=2');
  await redis.hset(`${prefix}:atlas-batches:batch-of-a`, {
    data: JSON.stringify({ ...batchOf('of-a'), tenant: 'b' }),
  });
  expect((await waiting).json()).toMatchObject({ status: 404, code: 'UNKNOWN_REFERENCE' });
});
