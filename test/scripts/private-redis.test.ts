import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type PrivateRedisOptions, startPrivateRedis } from '../../scripts/private-redis.js';
import { findRedisServer } from '../../scripts/redis-binary.mjs';
import { testRedis } from '../helpers/redis.js';

const OWNER = fileURLToPath(new URL('redis-owner.process.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

async function start(options?: PrivateRedisOptions) {
  const redis = await startPrivateRedis(options);
  onTestFinished(() => redis.stop());
  return redis;
}

function client(url: string): Redis {
  const redis = new Redis(url, { lazyConnect: true });
  onTestFinished(() => redis.disconnect());
  return redis;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a private Redis answers, evicts nothing and saves no snapshots', async () => {
  const { url, pid } = await start();
  const redis = client(url);
  expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  expect(await redis.config('GET', 'save')).toEqual(['save', '']);
  expect(await redis.info('server')).toContain(`process_id:${pid}\r`);
});

test('a private Redis with an append-only file keeps its keys through a kill', async () => {
  const server = await start({ appendOnly: true, appendfsync: 'always' });
  const { port, dir, pid } = server;
  await client(server.url).set('key', 'value');
  await server.kill();
  expect(isAlive(pid)).toBe(false);
  await server.restart();
  expect(server).toMatchObject({ port, dir });
  expect(await client(server.url).get('key')).toBe('value');
});

test('a private Redis can be restarted while it runs', async () => {
  const server = await start();
  const before = server.pid;
  await server.restart();
  expect(server.pid).not.toBe(before);
  expect(await client(server.url).ping()).toBe('PONG');
});

test('further arguments of a private Redis win over its own', async () => {
  const { url } = await start({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  expect(await client(url).config('GET', 'maxmemory-policy')).toContain('allkeys-lru');
});

test('a private Redis can be stopped twice and leaves neither process nor directory', async () => {
  const server = await startPrivateRedis();
  const { pid, dir } = server;
  await server.stop();
  await server.stop();
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(dir)).toBe(false);
});

test('a private Redis with a wrong argument fails with the message of Redis', async () => {
  await expect(startPrivateRedis({ args: ['--no-such-option', '1'] })).rejects.toThrow(
    /did not start/,
  );
});

test('a private Redis takes another port when one is in use', async () => {
  const ports = await import('../../scripts/free-port.js');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const address = taken.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const choice = vi.spyOn(ports, 'randomPort').mockReturnValueOnce(address.port);
  onTestFinished(() => choice.mockRestore());
  const server = await start();
  expect(server.port).not.toBe(address.port);
  expect(choice).toHaveBeenCalledTimes(2);
});

test.for(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
  'a private Redis is gone when its owner dies of %s',
  async (signal) => {
    const owner = spawn(process.execPath, ['--import', TSX, OWNER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void owner.kill('SIGKILL'));
    const [line] = await once(createInterface(owner.stdout), 'line');
    const { pid, dir } = JSON.parse(String(line));
    expect(isAlive(pid)).toBe(true);
    owner.kill(signal);
    await vi.waitFor(() => expect([isAlive(pid), existsSync(dir)]).toEqual([false, false]), 5_000);
  },
);

test('every test gets a prefix of its own in one shared server', async () => {
  const [one, other] = [testRedis(), testRedis()];
  expect(one.url).toBe(other.url);
  expect(one.prefix).toMatch(/^\{t-[0-9a-f]{12}\}$/);
  expect(one.prefix).not.toBe(other.prefix);
  expect(await client(one.url).ping()).toBe('PONG');
});

test('no Redis program is found where there is none', () => {
  expect(findRedisServer('', [])).toBeUndefined();
  expect(findRedisServer('/nowhere:/usr/bin', [])).toBe(findRedisServer('/usr/bin', []));
});
