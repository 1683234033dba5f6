/** What people see of the deadlines of batches. */
import { expect, it } from 'vitest';
import { deadlineMsKey, startedKey } from '../../src/jobs/keys/redis-keys.js';
import { runCommand } from '../cli/run-command.js';
import { clientOf } from '../client/test-client.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { plant } from '../helpers/planted-batches.js';
import { startSystem } from '../helpers/system.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startApi } from '../server/api/test-api.js';
import { AUTHORIZATION, createServer, LOGIN } from '../server/test-server.js';

const HOUR_MS = 3_600_000;

it('the deadline of a batch, and how much more time it was given, is told to commands, apps and pages', async () => {
  const system = await startSystem({
    atlas: { completionMs: 10 * HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '4', ...LOGIN },
  });
  const client = clientOf(system);
  const { server } = await createServer(system.environment);
  const page = async (path: string) =>
    (
      await server.app.inject({
        url: `/dashboard/batches${path}`,
        headers: { authorization: AUTHORIZATION },
      })
    ).body;
  const status = async (...args: string[]) =>
    (await runCommand(['status', ...args], system.environment)).stdout;
  const never = { at: null, leftMs: null, extendedMs: 0, stoodMs: 0 };
  await system.submit('given', 2, 'g-');
  expect((await client.status('given')).deadline).toEqual(never);
  expect(await status('given')).not.toContain('deadline');

  await client.extendDeadline('given', 2 * HOUR_MS);
  expect((await client.status('given')).deadline).toEqual({ ...never, extendedMs: 2 * HOUR_MS });
  expect(await status('given')).toContain('\n  deadline   extended by 2 h 0 min\n');

  await system.startWorker();
  await system.submit('other', 2, 'o-');
  await batchesInFlight(system, 2);
  const deadlineAt = async (reference: string) => {
    const start = await system.redis.zscore(startedKey(system.prefix), `batch-${reference}`);
    return new Date(Number(start) + HOUR_MS).toISOString();
  };
  const at = await deadlineAt('given');
  expect((await client.status('given')).deadline).toMatchObject({ at, extendedMs: 2 * HOUR_MS });
  const told = new RegExp(`\n  deadline   ${at}, in 2 h 5\\d min, extended by 2 h 0 min\n`);
  expect(await status('given')).toMatch(told);
  expect(JSON.parse(await status('given', '--json')).deadline).toMatchObject({ at });
  expect(await page('/given')).toMatch(
    new RegExp(`<dt>Deadline</dt><dd><time datetime="${at}">.*UTC</time>.*extended by 2 h`),
  );
  const listed = await runCommand(['list', '--sort', 'deadline'], system.environment);
  const [head = '', ...rows] = listed.stdout.split('\n');
  expect(head).toMatch(/^REFERENCE .* DEADLINE /);
  expect(rows[0]).toMatch(new RegExp(`^other .* ${await deadlineAt('other')}`));
  expect(rows[1]).toMatch(new RegExp(`^given .* ${at}`));
  const { batches } = await client.list({ sort: 'deadline' });
  expect(batches[1]?.deadline).toMatchObject({ at, extendedMs: 2 * HOUR_MS });
  expect(await page('?show=running&sort=deadline')).toContain(`<time datetime="${at}"`);

  await client.cancel('given');
  await client.cancel('other');
  await system.event('done-given');
  expect((await client.status('given')).deadline).toBeNull();
  expect(await page('/given')).not.toContain('<dt>Deadline</dt>');
});

it('a deadline that stands still says how much of it is left, and later for how long it stood', async () => {
  const system = await startSystem({
    atlas: { completionMs: 10 * HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '2', ...LOGIN },
  });
  const client = clientOf(system);
  const { server } = await createServer(system.environment);
  await system.startWorker();
  await system.submit('at-atlas', 2, 'a-');
  await batchesInFlight(system);
  await system.submit('in-line', 2, 'l-');
  const standing = await waitUntil('a deadline that stands', async () => {
    const { deadline } = await client.status('in-line');
    return deadline?.leftMs === null ? undefined : deadline;
  });
  expect(standing).toEqual({ at: null, leftMs: expect.any(Number), extendedMs: 0, stoodMs: 0 });
  expect((await client.status('in-line')).deadline).toEqual(standing);
  const { stdout } = await runCommand(['status', 'in-line'], system.environment);
  expect(stdout).toMatch(/\n {2}deadline {3}stands still, (59 min \d+ s|1 h 0 min) left\n/);
  const { body } = await server.app.inject({
    url: '/dashboard/batches/in-line',
    headers: { authorization: AUTHORIZATION },
  });
  expect(body).toMatch(/<dt>Deadline<\/dt><dd>stands still, (59 min|1 h) left/);
  await client.cancel('at-atlas');
  await system.event('done-at-atlas');
  await batchesInFlight(system);
  const { deadline } = await client.status('in-line');
  expect(deadline).toMatchObject({ at: expect.any(String), leftMs: null });
  expect(deadline?.stoodMs).toBeGreaterThan(0);
});

it('the timeline of a batch that was given more time says how much, and who gave it', async () => {
  const system = await startSystem({ environment: LOGIN });
  await system.submit('given', 1);
  const client = clientOf(system);
  const extend = ['deadline', 'extend', 'given'];
  await runCommand([...extend, '2h', '--operator', 'asha'], system.environment);
  await runCommand([...extend, '30m', '--operator', 'ravi'], system.environment);
  const { entries } = await client.timeline('given');
  expect(entries.map(({ text }) => text)).toEqual([
    'extend by ravi (cli): extended by 30 min 0 s, 2 h 30 min in all',
    'extend by asha (cli): extended by 2 h 0 min, 2 h 0 min in all',
  ]);
});

it('where no worker has said how long batches may take, the server goes by what it is configured for', async () => {
  const test = openTestQueues();
  const startedAt = Date.UTC(2026, 0, 1);
  await plant(test.queues, [{ reference: 'loan', state: 'processing', addedAt: startedAt }]);
  const { call, server } = await startApi({
    ...{ REDIS_URL: test.url, QUEUE_PREFIX: test.prefix, ...LOGIN },
    BATCH_DEADLINE_MS: String(2 * HOUR_MS),
  });
  const told = async () => {
    const list = (await call('read', 'GET /batches')).json();
    const one = (await call('read', 'GET /batches/loan')).json();
    const { body } = await server.app.inject({
      url: '/dashboard/batches/loan',
      headers: { authorization: AUTHORIZATION },
    });
    const [, shown] = /<dt>Deadline<\/dt><dd><time datetime="([^"]+)"/.exec(body) ?? [];
    return [list.batches[0].deadline.at, one.deadline.at, shown];
  };
  const after = (hours: number) => new Date(startedAt + hours * HOUR_MS).toISOString();
  expect(await told()).toEqual(Array(3).fill(after(2)));
  await test.redis.set(deadlineMsKey(test.prefix), 3 * HOUR_MS);
  expect(await told()).toEqual(Array(3).fill(after(3)));
});
