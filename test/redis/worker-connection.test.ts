import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLogger } from '../../src/logging.js';
import { connectRedis, whenReady } from '../../src/redis/worker-connection.js';
import { startTcp } from '../atlas/test-server.js';
import { connectionTo, testRedis } from '../helpers/redis.js';

const COMMANDS = 100;
const logger = createLogger('silent');

it("a worker's connection sends the commands of a turn and of the next in one write, and resolves each in its order", async () => {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), logger);
  onTestFinished(() => redis.disconnect());
  await redis.ping();

  let writes = 0;
  const socket: Writable = redis.stream;
  const write = socket._write;
  socket._write = (...args) => {
    writes += 1;
    write.apply(socket, args);
  };
  const half = () => Array.from({ length: COMMANDS / 2 }, () => redis.incr(`${prefix}:counter`));
  const first = half();
  await nextTurn();
  const replies = await Promise.all([...first, ...half()]);
  expect(replies).toEqual(Array.from({ length: COMMANDS }, (_, i) => i + 1));
  expect(writes).toBe(1);
});

it("a worker's connection keeps text of any alphabet and bytes apart and in order", async () => {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), logger);
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  const values = [
    'plain',
    Buffer.from([0, 255, 13, 10]),
    'पैन कार्ड',
    Buffer.alloc(0),
    '€\r\n',
    'end',
  ];
  const key = `${prefix}:values`;
  await Promise.all(values.map((value) => redis.rpush(key, value)));
  expect(await redis.lrangeBuffer(key, 0, -1)).toEqual(values.map((value) => Buffer.from(value)));
});

it("a worker's connection keeps apart what is sent while a write that fills the socket is under way", async () => {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), logger);
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  const key = `${prefix}:values`;
  const values = ['short', 'ग'.repeat(4_000_000), 'of the next turn', 'x'.repeat(50_000), 'end'];
  const pushed: Promise<number>[] = [];
  for (const value of values) {
    // Two commands, or nothing is gathered.
    pushed.push(redis.rpush(key, value), redis.rpush(key, `after ${value}`));
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  }
  await Promise.all(pushed);
  expect(await redis.lrange(key, 0, -1)).toEqual(
    values.flatMap((value) => [value, `after ${value}`]),
  );
});

it("a worker's connection goes on after it was cut, with what was under way", async () => {
  const { url, prefix } = testRedis();
  const redis = connectRedis(connectionTo(url), logger);
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  const replies = Array.from({ length: COMMANDS }, (_, i) => redis.set(`${prefix}:${i}`, i));
  redis.stream.destroy();
  expect(new Set(await Promise.all(replies))).toEqual(new Set(['OK']));
});

it("a worker's connection says which Redis it waits for", async () => {
  // It accepts connections, and never replies.
  const port = await startTcp(() => {});
  const said = new Promise<string>((resolve) => {
    const redis = connectRedis(connectionTo(`redis://127.0.0.1:${port}`), logger);
    onTestFinished(() => redis.disconnectAll());
    void whenReady(redis, { ...logger, warn: (_fields, message) => resolve(message) });
  });
  expect(await said).toBe(`Redis at 127.0.0.1:${port} does not serve yet; waiting for it`);
});

it("what a worker's connection complains of is logged once, whoever passes the error on", () => {
  const warn = vi.fn();
  const options = { ...connectionTo('redis://127.0.0.1:1'), lazyConnect: true };
  const redis = connectRedis(options, { ...createLogger('silent'), warn } as never);
  onTestFinished(() => redis.disconnect());
  const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  redis.emit('error', error);
  redis.complain(error);
  expect(warn).toHaveBeenCalledOnce();
});
