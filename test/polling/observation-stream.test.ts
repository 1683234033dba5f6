import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createLearningPolicy } from '../../src/polling/learning-policy.js';
import { followObservations } from '../../src/polling/observation-stream.js';
import type { Observation, PollContext, PollPolicy } from '../../src/polling/poll-policy.js';
import { randomFrom } from '../../src/simulator/random.js';
import { testRedis } from '../helpers/redis.js';
import { waitUntil } from '../helpers/wait-until.js';

const DEADLINE_MS = 3_600_000;

function connect() {
  const { url, prefix } = testRedis();
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  return { redis, key: `${prefix}:observations` };
}

async function follow(redis: Redis, key: string, policy: PollPolicy) {
  const stream = await followObservations({
    redis,
    key,
    policy,
    deadlineMs: DEADLINE_MS,
    random: randomFrom(1),
    onError(error) {
      throw error;
    },
  });
  onTestFinished(() => stream.stop());
  return stream;
}

const observation = (byMs: number): Observation => ({
  productType: 'LOAN_APP',
  total: 5,
  afterMs: byMs * 0.8,
  byMs,
  timedOut: false,
  negativePolls: [{ elapsedMs: byMs * 0.8, present: 3 }],
});

function scheduleOf(policy: PollPolicy): number[] {
  const random = randomFrom(1);
  const context: PollContext = {
    productType: 'LOAN_APP',
    total: 5,
    present: 0,
    elapsedMs: 0,
    polls: 0,
    retryAfterMs: 0,
    minMs: 1000,
    maxMs: 60_000,
    deadlineMs: DEADLINE_MS,
    random,
  };
  return [0, 10_000, 20_000, 40_000].map((elapsedMs, polls) =>
    policy.nextDelayMs({ ...context, elapsedMs, polls }),
  );
}

it('the stream of observations gives a process that starts later the belief of those that were there', async () => {
  const { redis, key } = connect();
  const old = createLearningPolicy();
  const stream = await follow(redis, key, old);
  const unlearned = scheduleOf(old);
  for (let i = 0; i < 50; i += 1) stream.publish(observation(20_000 + 500 * i));
  await waitUntil('what was learnt', () => scheduleOf(old)[0] !== unlearned[0]);
  await waitUntil('all that was published', async () => {
    const restarted = createLearningPolicy();
    (await follow(redis, key, restarted)).stop();
    return JSON.stringify(scheduleOf(restarted)) === JSON.stringify(scheduleOf(old));
  });
});

it('the stream of observations teaches every process what one has seen, its own included', async () => {
  const { redis, key } = connect();
  const seen: [Observation[], Observation[]] = [[], []];
  const policies = seen.map(
    (list): PollPolicy => ({
      nextDelayMs: () => 0,
      safetyNetDelayMs: () => 0,
      observe: (each) => void list.push(each),
    }),
  );
  const streams = await Promise.all(policies.map((policy) => follow(redis, key, policy)));
  streams[0]?.publish(observation(1000));
  streams[1]?.publish(observation(2000));
  await waitUntil('both at both', () => seen.every((list) => list.length === 2));
  expect(seen[0]).toEqual(expect.arrayContaining([observation(1000), observation(2000)]));
  expect(seen[1]).toEqual(seen[0]);
});

it('the stream of observations keeps junk out, on write and on replay', async () => {
  const { redis, key } = connect();
  const seen: Observation[] = [];
  const policy: PollPolicy = {
    nextDelayMs: () => 0,
    safetyNetDelayMs: () => 0,
    observe: (each) => void seen.push(each),
  };
  const stream = await follow(redis, key, policy);
  for (const byMs of [0, -5, Number.NaN, Number.POSITIVE_INFINITY, DEADLINE_MS + 1]) {
    stream.publish(observation(byMs));
  }
  await redis.xadd(key, '*', 'observation', '{"productType":');
  await redis.xadd(key, '*', 'other', '1');
  stream.publish(observation(3000));
  await waitUntil('the one that is none', () => seen.length > 0);
  expect(seen).toEqual([observation(3000)]);
  expect(await redis.xlen(key), 'the two of others, and the one').toBe(3);
});

it('the stream of observations stays within its cap', async () => {
  const { redis, key } = connect();
  const stream = await follow(redis, key, {
    nextDelayMs: () => 0,
    safetyNetDelayMs: () => 0,
    observe() {},
  });
  const others = redis.pipeline();
  for (let i = 1; i <= 1500; i += 1) {
    others.xadd(key, '*', 'observation', JSON.stringify(observation(i)));
  }
  await others.exec();
  stream.publish(observation(1));
  await stream.stop();
  expect(await redis.xlen(key)).toBeGreaterThanOrEqual(1000);
  expect(await redis.xlen(key)).toBeLessThan(1200);
});

it('the stream of observations adds a fair sample of what a busy process publishes at once', async () => {
  const { redis, key } = connect();
  const seen: number[] = [];
  const stream = await follow(redis, key, {
    nextDelayMs: () => 0,
    safetyNetDelayMs: () => 0,
    observe: ({ byMs }) => void seen.push(byMs),
  });
  const count = 1000;
  for (let i = 1; i <= count; i += 1) stream.publish(observation(i));
  await waitUntil('the sample', () => seen.length > 0);
  expect(new Set(seen).size).toBe(64);
  // The mean of 64 lies within five standard errors of that of all.
  const mean = seen.reduce((sum, byMs) => sum + byMs, 0) / seen.length;
  const standardError = count / Math.sqrt(12 * seen.length);
  expect(Math.abs(mean - count / 2)).toBeLessThan(5 * standardError);
});

it('the stream of observations adds what was published just before it stops', async () => {
  const { redis, key } = connect();
  const stream = await follow(redis, key, createLearningPolicy());
  for (const byMs of [1000, 2000, 3000]) stream.publish(observation(byMs));
  await stream.stop();
  expect(await redis.xlen(key)).toBe(3);
});
