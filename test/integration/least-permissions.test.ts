import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { createToken } from '../../src/config/api-tokens.js';
import { permissionsOf, type RedisRole } from '../../src/redis/permissions.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { AUTHORIZATION, CALLBACKS, createServer, LOGIN } from '../server/test-server.js';

const ROLES: RedisRole[] = ['worker', 'server', 'client'];
/** For the connection itself, and for transactions. */
const EVERY_CONNECTION = ['hello', 'auth', 'client|setname', 'multi', 'exec'];
const HOUR_MS = 3_600_000;

/** The command of docs/redis.md that makes a user, as arguments. */
function documented(role: RedisRole): string[] {
  const docs = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
  const line = docs.split('\n').find((text) => text.startsWith(`ACL SETUSER atlas-${role} `));
  return line?.split(' ').slice(1) ?? [];
}

it.each(ROLES)('the docs print the permissions that a user for %s needs', (role) => {
  const commands = [...EVERY_CONNECTION, ...permissionsOf(role)].map((name) => `+${name}`);
  expect(documented(role).slice(2).join(' ')).toBe(
    ['on', '>password', 'resetchannels', '~{atlas}:*', '-@all', ...commands].join(' '),
  );
});

it('users with the documented permissions do all that worker, server and client do', async () => {
  const { token, line } = createToken('app', 'operate', null);
  const server = await startPrivateRedis({ appendOnly: true });
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  const system = await startSystem({
    redisUrl: server.url,
    atlas: { completionMs: ({ documentId }) => (documentId.startsWith('slow') ? HOUR_MS : 100) },
    environment: { ...LOGIN, ...CALLBACKS, API_TOKENS: line },
  });
  const urlOf = (role: RedisRole) => server.url.replace('//', `//atlas-${role}:password@`);
  for (const role of ROLES) {
    const rules = documented(role).map((rule) => rule.replace('{atlas}', system.prefix));
    await admin.call('ACL', ...rules);
  }
  await system.startWorkerProcess({ REDIS_URL: urlOf('worker') });
  const http = await createServer({ ...system.environment, REDIS_URL: urlOf('server') });
  const client = createAtlasBatchClient({ redisUrl: urlOf('client'), prefix: system.prefix });
  onTestFinished(() => client.close());

  const heard: string[] = [];
  const subscription = client.onCompletion(
    async ({ reference }) => void heard.push(String(reference)),
  );
  const progress = client.events({ references: ['slow'] });
  const firstProgress = progress.next();
  const [slow, quick, more] = await Promise.all([
    system.request('slow', 2, 'slow-'),
    system.request('quick', 2),
    system.request('more', 1),
  ]);
  await client.enqueue(slow);
  await client.enqueueMany([quick, more]);
  expect(await client.wait('quick')).toMatchObject({ status: 'completed' });
  expect((await firstProgress).value).toMatchObject({ reference: 'slow' });
  await batchesInFlight(system, 1);
  expect((await client.status('slow')).state).not.toBe('completed');

  const visit = (url: string, method: 'GET' | 'POST' | 'PUT' = 'GET') => {
    const headers = { authorization: AUTHORIZATION, 'sec-fetch-site': 'same-origin' };
    return http.server.app.inject({ url, method, headers });
  };
  for (const url of [
    '/health/ready',
    '/metrics',
    '/dashboard/batches',
    '/dashboard/batches?q=slow-001',
    '/dashboard/batches/slow',
    '/dashboard/batches/quick',
    '/dashboard/api/queues?activeQueue=atlas-batches&status=latest&page=1',
    '/dashboard/api/queues?activeQueue=atlas-polls&status=delayed&page=1',
  ]) {
    expect((await visit(url)).statusCode, url).toBe(200);
  }
  const call = (
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    payload?: object | string,
    type = 'application/json',
  ) =>
    http.server.app.inject({
      method,
      url: `/api/v1/${path}`,
      headers: { authorization: `Bearer ${token}`, ...(payload && { 'content-type': type }) },
      ...(payload && { payload }),
    });
  expect((await call('PUT', 'batches/quick', quick)).statusCode).toBe(200);
  expect((await call('GET', 'batches/quick?wait=30')).json()).toMatchObject({ state: 'completed' });
  expect((await call('GET', 'batches/quick/results')).statusCode).toBe(200);
  expect((await call('GET', 'batches?limit=1')).json().next).not.toBeNull();
  const lines = [quick, more].map((batch) => JSON.stringify(batch)).join('\n');
  const bulk = await call('POST', 'batches:bulk', lines, 'application/x-ndjson');
  expect(bulk.body.match(/"duplicate"/g)).toHaveLength(2);
  const events = await fetch(`${(await http.server.listen()).url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}`, 'last-event-id': '0-0' },
  });
  let streamed = '';
  for await (const chunk of events.body ?? []) {
    streamed += new TextDecoder().decode(chunk);
    if (streamed.includes('"reference":"quick"')) break;
  }
  expect((await visit('/dashboard/batches/slow/poll', 'POST')).statusCode).toBe(303);
  expect((await visit('/dashboard/batches/slow/cancel', 'POST')).statusCode).toBe(303);
  expect((await system.event('done-slow')).name).toBe('batch.failed');
  await batchesEnded(system, 3, 10_000);
  expect((await visit('/dashboard/batches/slow/retry', 'POST')).statusCode).toBe(303);
  await batchesInFlight(system, 1);
  await client.extendDeadline('slow', 1000);
  await client.pause();
  await client.resume();
  await client.cancel('slow');
  await system.event('done-slow~2');
  await waitUntil('all handled', () => new Set(heard).size === 3 && heard.length === 4);
  await subscription.close();
  expect((await client.count()).matching).toBe(3);
  expect(await client.redeliverAll({ since: new Date(0) })).toMatchObject({ reset: false });
  expect((await call('POST', 'batches/slow/retry')).statusCode).toBe(202);
  expect((await call('POST', 'batches/slow/cancel')).statusCode).toBe(202);
  // Both are in the stream of outcomes, whose other entries stay.
  expect((await call('DELETE', 'batches/quick')).statusCode).toBe(200);
  expect(await client.erase('more')).toMatchObject({ status: 'erased' });
  expect(await admin.call('ACL', 'LOG')).toEqual([]);
});
