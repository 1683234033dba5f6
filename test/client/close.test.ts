import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import type { AtlasBatchClient } from '../../src/client/atlas-batch-client.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { ClientClosedError } from '../../src/errors.js';
import { startTcp } from '../atlas/test-server.js';
import { startTcpValve, type TcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import { batchOf } from './test-client.js';

vi.setConfig({ testTimeout: 60_000 });

/** Its own, two of `onCompletion`, two of `events`, one of `wait`. */
const CONNECTIONS = 6;
const BUSY_CLIENT = fileURLToPath(new URL('busy-client.process.mjs', import.meta.url));
const WAITING_CLIENT = fileURLToPath(new URL('waiting-client.process.mjs', import.meta.url));

async function startServer(): Promise<PrivateRedis> {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  return server;
}

async function hush(valve: TcpValve): Promise<void> {
  await valve.hush();
  await waitUntil('new connections', () => valve.connections() >= CONNECTIONS);
}

/** What happens to the connections of a client, in the moment before it is closed. */
const LOSSES: [string, (valve: TcpValve) => unknown][] = [
  ['is there', () => {}],
  ['goes while it is closed', (valve) => valve.onNextLeave(() => void valve.refuse())],
  ['has gone', (valve) => valve.refuse()],
  ['has fallen silent', (valve) => valve.silence()],
  ['cuts all connections', (valve) => valve.slam()],
  ['takes new connections and says nothing', hush],
];

test.each(LOSSES)(
  'a process whose Redis %s closes its client in order, and ends by itself',
  async (_, lose) => {
    const valve = await startTcpValve((await startServer()).port);
    const child = spawn(process.execPath, [BUSY_CLIENT, `redis://127.0.0.1:${valve.port}`, '{t}'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    await waitUntil('a client that is busy', () => output.includes('busy'));
    await lose(valve);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(output).toBe('busy\nclosed\n');
  },
);

test('a process that closes its clients while they begin to wait ends by itself', async () => {
  const { port } = await startServer();
  const child = spawn(process.execPath, [WAITING_CLIENT, `redis://127.0.0.1:${port}`, '{t}'], {
    stdio: 'inherit',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test.each(LOSSES)('a client whose Redis %s ends all calls when it is closed', async (_, lose) => {
  const valve = await startTcpValve((await startServer()).port);
  const client = createAtlasBatchClient({ redisUrl: `redis://127.0.0.1:${valve.port}` });
  await client.enqueue(batchOf('known'));
  const calls = await useInAllWays(client);
  await lose(valve);
  const late = callsOf(client);
  await Promise.all([client.close(), client.close()]);
  expect(await calls.ended()).toEqual({ events: 'done', wait: 'ClientClosedError' });
  for (const error of await Promise.all(late)) {
    expect(error === 'answered' || error instanceof ClientClosedError).toBe(true);
  }
  await client.close();
});

test('a client closes although it never heard a word of Redis', async () => {
  const port = await startTcp(() => {});
  const client = createAtlasBatchClient({ redisUrl: `redis://127.0.0.1:${port}` });
  client.onCompletion(() => {});
  const late = [...callsOf(client), errorOf(client.events().next())];
  await client.close();
  for (const error of await Promise.all(late)) {
    expect(error === 'answered' || error instanceof ClientClosedError).toBe(true);
  }
});

test('a client closes on a connection of its caller that waits for Redis for ever', async () => {
  const valve = await startTcpValve((await startServer()).port);
  const connection = new Redis(valve.port, { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  onTestFinished(() => connection.disconnect());
  const client = createAtlasBatchClient({ connection });
  await client.enqueue(batchOf('known'));
  const calls = await useInAllWays(client);
  await valve.refuse();
  const late = callsOf(client);
  await client.close();
  expect(await calls.ended()).toEqual({ events: 'done', wait: 'ClientClosedError' });
  for (const error of await Promise.all(late)) expect(error).toBeInstanceOf(ClientClosedError);
  await valve.admit();
  expect(await connection.ping()).toBe('PONG');
});

/** Opens every connection that a client has, and holds it open. */
async function useInAllWays(client: AtlasBatchClient) {
  client.onCompletion(() => {}, { onError: () => {} });
  const seen: string[] = [];
  const following = (async () => {
    for await (const { reference } of client.events()) seen.push(reference);
    return 'done';
  })();
  for (let i = 0; seen.length === 0; i += 1) await client.enqueue(batchOf(`seen-${i}`));
  const waiting = errorOf(client.wait('known'));
  await expect(client.wait('known', { timeoutMs: 1 })).rejects.toThrow(/did not end/);
  return {
    async ended() {
      const error = await waiting;
      return { events: await following, wait: error instanceof Error && error.name };
    },
  };
}

/** One call of each method that asks Redis, and what it throws. */
function callsOf(client: AtlasBatchClient): Promise<unknown>[] {
  return [
    client.enqueueMany(Array.from({ length: 500 }, (_, i) => batchOf(`late-${i}`))),
    client.status('known'),
    client.wait('known'),
    client.cancel('unknown'),
    client.results('known').next(),
  ].map(errorOf);
}

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'answered',
    (error: unknown) => error,
  );
}
