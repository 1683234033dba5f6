import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createLogger } from '../../src/logging.js';
import { connectRedis } from '../../src/redis/worker-connection.js';
import { WriteGate } from '../../src/redis/write-gate.js';
import { connectionTo } from '../helpers/redis.js';

const MINUTE_MS = 60_000;

test('a restart helps only when nothing was written for a minute and a new connection can write', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  const logger = createLogger('silent');
  const redis = connectRedis(connectionTo(server.url), logger);
  onTestFinished(() => redis.disconnect());
  // A connection that is lost for good, which nobody knows how to make.
  redis.set = () => new Promise<never>(() => {});
  const gate = new WriteGate({ redis, prefix: '{t}', logger, onChange: () => {} });
  onTestFinished(() => gate.stop());
  expect(await gate.isBroken()).toBe(false);
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + MINUTE_MS);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await gate.isBroken()).toBe(true);

  await admin.config('SET', 'maxmemory', '1000000');
  expect(await gate.isBroken()).toBe(false);
  await admin.config('SET', 'maxmemory', '0');
  await admin.replicaof('127.0.0.1', 1);
  expect(await gate.isBroken()).toBe(false);
  await admin.replicaof('NO', 'ONE');
  expect(await gate.isBroken()).toBe(true);
  await server.kill();
  expect(await gate.isBroken()).toBe(false);
});
