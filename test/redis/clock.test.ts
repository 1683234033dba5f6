import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { redisTimeMs, startRedisClock } from '../../src/redis/clock.js';
import { testRedis } from '../helpers/redis.js';
import { waitUntil } from '../helpers/wait-until.js';

/** A connection of which the replies to some questions for the time come late. */
function slowRedis(isLate: (n: number) => boolean, aheadMs = () => 0) {
  const redis = new Redis(testRedis().url);
  onTestFinished(() => redis.disconnect());
  let asked = 0;
  let replied = 0;
  const time = redis.time.bind(redis);
  redis.time = async () => {
    asked += 1;
    const late = isLate(asked);
    const ahead = aheadMs() / 1000;
    const [seconds, microseconds] = await time();
    const reply = [Number(seconds) + ahead, Number(microseconds)];
    if (late) await pause(300);
    replied += 1;
    return reply;
  };
  return { redis, replied: () => replied };
}

/** By how much a clock is off, at least: a busy machine takes long to ask Redis, and that is no error. */
async function errorOf(clock: { now(): number }, redis: Redis): Promise<number> {
  const before = clock.now();
  const time = await redisTimeMs(redis);
  const after = clock.now();
  return Math.max(0, before - time, time - after);
}

test('a clock drops a sample whose reply took too long, at its start and later', async () => {
  let hasStarted = false;
  const { redis, replied } = slowRedis((n) => n === 1 || hasStarted);
  const exact = new Redis(testRedis().url);
  onTestFinished(() => exact.disconnect());
  const clock = await startRedisClock(redis);
  onTestFinished(() => clock.stop());
  const atStart = replied();
  expect(atStart).toBeGreaterThan(1);
  expect(await errorOf(clock, exact)).toBeLessThan(50);
  hasStarted = true;
  redis.emit('ready');
  await waitUntil('the late reply', () => replied() > atStart);
  expect(await errorOf(clock, exact)).toBeLessThan(50);
});

test('a clock whose way to Redis is slow takes the best of some samples', async () => {
  const { redis, replied } = slowRedis(() => true);
  const clock = await startRedisClock(redis);
  onTestFinished(() => clock.stop());
  expect(replied()).toBe(5);
  expect(await errorOf(clock, redis)).toBeLessThan(1000);
});

test('a clock follows a failover to a Redis with another clock, also by a way that has become slow', async () => {
  const HOUR_MS = 3_600_000;
  let isOther = false;
  const { redis } = slowRedis(
    () => isOther,
    () => (isOther ? HOUR_MS : 0),
  );
  const exact = new Redis(testRedis().url);
  onTestFinished(() => exact.disconnect());
  const clock = await startRedisClock(redis);
  onTestFinished(() => clock.stop());
  expect(await errorOf(clock, exact)).toBeLessThan(1000);
  isOther = true;
  redis.emit('ready');
  await waitUntil(
    'the time of the other one',
    async () => Math.abs((await errorOf(clock, exact)) - HOUR_MS) < 1000,
  );
});
