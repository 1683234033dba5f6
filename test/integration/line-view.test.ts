/** What people see of batches that wait for their turn. */
import { userInfo } from 'node:os';
import { Command, Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LINE_REASONS, TURN_HAS_COME } from '../../src/gate/line.js';
import { createAtlasBatchClient } from '../../src/index.js';
import { gatePauseKey } from '../../src/jobs/keys/gate-keys.js';
import { runCli } from '../cli/run-cli.js';
import { runCommand } from '../cli/run-command.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { testRedis } from '../helpers/redis.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { AUTHORIZATION, createServer, LOGIN } from '../server/test-server.js';

const HOUR_MS = 3_600_000;

it('a batch in line tells its place, why it waits and until when, to commands, apps and pages', async () => {
  const system = await startSystem({
    atlas: { completionMs: HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '2', ...LOGIN },
  });
  await system.startWorker();
  const { server } = await createServer(system.environment);
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  onTestFinished(() => client.close());
  const page = async (path: string) =>
    (
      await server.app.inject({
        url: `/dashboard/batches${path}`,
        headers: { authorization: AUTHORIZATION },
      })
    ).body;
  await system.submit('at-atlas', 2, 'a-');
  await batchesInFlight(system);
  expect(await client.status('at-atlas')).toMatchObject({ state: 'processing', line: null });
  for (const [n, reference] of ['first', 'second'].entries()) {
    await system.submit(reference, 2, `${reference}-`);
    await waitUntil('a longer line', async () => (await system.batches.getDelayedCount()) > n);
  }
  const places = await Promise.all(
    ['first', 'second'].map(async (one) => (await client.status(one)).line?.place),
  );
  expect(places).toEqual([1, 2]);
  expect(await client.status('second')).toMatchObject({
    state: 'in-line',
    lastError: null,
    line: { uploads: 2, why: 'limit', until: null },
  });
  const told = LINE_REASONS.limit;
  const status = await runCommand(['status', 'second'], system.environment);
  expect(status.stdout).toContain(`in line    place 2 of 2: ${told}`);
  for (const path of ['', '/second']) {
    expect(await page(path)).toContain('<span class="pill in-line">In line</span>');
    expect(await page(path)).toContain('place 2 of 2');
    expect(await page(path)).toContain(told);
  }
  expect(await page('/second')).toContain(`place 2 of 2 in line: ${told}`);
  expect(await page('')).toContain('In line, room for 0');

  const until = new Date(Date.now() + HOUR_MS);
  expect(await client.paused()).toBeNull();
  await client.pause({ until, reason: 'maintenance' });
  expect(await client.paused()).toMatchObject({
    reason: 'maintenance',
    by: userInfo().username,
  });
  expect((await client.status('first')).line).toEqual({
    place: 1,
    uploads: 2,
    why: 'pause',
    until: until.toISOString(),
  });
  const paused = await runCommand(['status', 'first'], system.environment);
  expect(paused.stdout).toContain(`place 1 of 2: sending is paused, until ${until.toISOString()}`);
  expect(paused.stdout).toContain(`\n  paused     by ${userInfo().username}: maintenance\n`);
  expect(await page('/first')).toMatch(/place 1 of 2 in line: sending is paused, which ends <time/);
  expect([await client.resume(), await client.resume()]).toEqual([true, false]);
});

it('batches that were let go are in line until a worker takes them, in lists as in their status', async () => {
  const system = await startSystem({
    atlas: { completionMs: HOUR_MS },
    environment: { SUBMIT_CONCURRENCY: '1', ...LOGIN },
  });
  const { server } = await createServer(system.environment);
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  onTestFinished(() => client.close());
  await system.startWorker();
  await client.pause({ reason: 'maintenance' });
  for (const reference of ['a', 'b', 'c', 'd']) await system.submit(reference, 1, `${reference}-`);
  await waitUntil('all in line', async () => (await system.batches.getDelayedCount()) === 4);
  // It holds the one place of the worker for as long as the test takes.
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'hang' }] });
  await client.resume();
  const key = `${system.prefix}:gate-line`;
  await waitUntil('an empty line', async () => (await system.redis.exists(key)) === 0);
  await waitUntil('an upload', () => system.atlas.faultsFired().hang);

  const { batches } = await client.list({ state: 'in-line' });
  expect(batches.length).toBeGreaterThanOrEqual(2);
  for (const { reference, state } of batches) {
    if (reference === null) throw new Error('a batch without a reference');
    expect(state).toBe('in-line');
    expect(await client.status(reference)).toMatchObject({ state: 'in-line', line: null });
    const shown = await runCommand(['status', reference], system.environment);
    expect(shown.stdout).toContain(`in line    ${TURN_HAS_COME}`);
    const page = await server.app.inject({
      url: `/dashboard/batches/${reference}`,
      headers: { authorization: AUTHORIZATION },
    });
    expect(page.body).toContain(`<dt>Waits</dt><dd>${TURN_HAS_COME}</dd>`);
  }
});

it('a pause for two hours ends in two hours by the clock of Redis, whatever that of the operator says', async () => {
  const { url, prefix } = testRedis();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const before = Date.now();
  const paused = await runCli(['pause', '--until', '2h', '--json'], {
    ...environment,
    NODE_OPTIONS: `--import=${new URL('../cli/skewed-clock.mjs', import.meta.url)}`,
  });
  const { since, until } = JSON.parse(paused.stdout);
  expect(Date.parse(until) - Date.parse(since)).toBe(2 * HOUR_MS);
  // That of the operator is two minutes ahead.
  expect(Date.parse(since) - before).toBeLessThan(60_000);
});

it('a client refuses a pause whose end is no time, or is said twice', async () => {
  const { url, prefix } = testRedis();
  const client = createAtlasBatchClient({ redisUrl: url, prefix });
  onTestFinished(() => client.close());
  const until = new Date(Date.now() + HOUR_MS);
  await expect(client.pause({ until, forMs: 1 })).rejects.toThrow('until or forMs, not both');
  await expect(client.pause({ forMs: Number.NaN })).rejects.toThrow('a number of milliseconds');
  await expect(client.pause({ forMs: 0 })).rejects.toThrow('forMs must be more than 0');
  await expect(client.pause({ until: new Date('x') })).rejects.toThrow('must be a Date');
  expect(await client.paused()).toBeNull();
});

/** Within a year, but for one who writes days first, and who means March. */
const NEXT_YEAR = new Date().getFullYear() + 1;
const NO_ISO_TIMES = [
  ...[`03.01.${NEXT_YEAR}`, `March ${NEXT_YEAR}`, `soon 1/${NEXT_YEAR}`],
  // A day that there is not.
  `${NEXT_YEAR}-02-30T00:00:00Z`,
];

it.each([
  ...['0h', '400d', '999999d', '2999-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'soon'],
  ...NO_ISO_TIMES,
])('a pause until %s is refused, and nothing is paused', async (until) => {
  const { url, prefix } = testRedis();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const paused = await runCommand(['pause', '--until', until], environment);
  expect(paused).toEqual({
    code: 2,
    stdout: '',
    stderr:
      '--until is a time in the future and within a year, such as 2026-11-24T05:00:00Z, or 30m, 2h, 1d from now\n',
  });
  const resumed = await runCommand(['resume'], environment);
  expect(resumed.stdout).toBe('there was no pause\n');
});

it('a pause that replaces another says which, to apps, commands and pages', async () => {
  const { server, url, prefix } = await createServer(LOGIN);
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const client = createAtlasBatchClient({ redisUrl: url, prefix, actor: 'asha' });
  onTestFinished(() => client.close());
  const { replaced, ...first } = await client.pause({ forMs: HOUR_MS, reason: 'Atlas is down' });
  expect(replaced).toBeNull();
  const told = `was paused since ${first.since} until ${first.until} by asha: Atlas is down`;
  const { stdout } = await runCommand(['pause', '--operator', 'ravi'], environment);
  expect(stdout).toContain(`it replaces another pause: sending ${told}\n`);
  expect(await client.paused()).toMatchObject({ until: null, by: 'ravi', replaced: first });
  const { body } = await server.app.inject({
    url: '/dashboard/batches',
    headers: { authorization: AUTHORIZATION },
  });
  expect(body.replaceAll(/<[^>]*>/g, '')).toMatch(
    /Paused by ravi at .*, until somebody resumes\. Before that it was paused since .* by asha: Atlas is down/,
  );
  // Of those before it only the last is told.
  const third = await client.pause();
  expect(third.replaced).toEqual({ ...first, ...third.replaced, by: 'ravi', reason: null });
  expect(third.replaced).not.toHaveProperty('replaced');
  await client.resume();
  expect((await client.pause()).replaced).toBeNull();
});

it('a pause that the connection sends twice does not replace itself', async () => {
  const { url, prefix } = testRedis();
  const client = createAtlasBatchClient({ redisUrl: url, prefix, actor: 'asha' });
  onTestFinished(() => client.close());
  const { replaced: _, ...first } = await client.pause({ reason: 'first' });
  const { sendCommand } = Redis.prototype;
  const spy = vi.spyOn(Redis.prototype, 'sendCommand').mockImplementation(function (
    this: Redis,
    command,
    target,
  ) {
    const sent = sendCommand.call(this, command, target) as Promise<unknown>;
    const { name, args } = command;
    if (!args.includes(gatePauseKey(prefix)) || !name.startsWith('eval')) return sent;
    // As ioredis does it when the connection broke before the reply came.
    const again = () => sendCommand.call(this, new Command(name, args, { replyEncoding: 'utf8' }));
    return sent.then(again);
  });
  onTestFinished(() => spy.mockRestore());
  expect((await client.pause({ reason: 'second' })).replaced).toEqual(first);
});
