import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Budget, BudgetExceededError, createBudget } from '../../src/atlas/budget.js';
import {
  ASK_BUDGET,
  emissionIntervalMs,
  MAX_LATENESS_MS,
  toleranceMs,
} from '../../src/atlas/budget-script.js';
import type { RequestClass } from '../../src/atlas/observer.js';
import { type TestRedis, testRedis } from '../helpers/redis.js';
import { connect, contents } from './redis-connection.js';

const NOW_OR_NEVER = { requestClass: 'poll', mayWait: false } as const;
const WAITING = { requestClass: 'poll', mayWait: true } as const;

/** The budget of one more process. */
function budgetOf(test: TestRedis | undefined, maxRequestsPerSecond: number): Budget {
  return createBudget({
    redis: test && connect(test),
    keyPrefix: test?.prefix ?? '',
    maxRequestsPerSecond,
    observer: {},
    random: () => 0.5,
  });
}

/** Asks the script itself, as one more process. */
function asker(test: TestRedis, maxRequestsPerSecond: number, mayWait: 0 | 1 = 0) {
  const redis = connect(test);
  const intervalMs = emissionIntervalMs(maxRequestsPerSecond);
  return async (requestClass: RequestClass) => {
    const reply = await ASK_BUDGET.run(
      redis,
      [`${test.prefix}:requests-blocked`, `${test.prefix}:request-budget`],
      [
        requestClass,
        requestClass === 'poll' ? 'upload' : 'poll',
        intervalMs,
        toleranceMs(intervalMs),
        mayWait,
      ],
    );
    if (!Array.isArray(reply)) throw new Error('no verdict');
    const [kind, first, second] = reply;
    return { kind: String(kind), waitMs: Number(first), second: Number(second) };
  };
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it was let through'),
    (error: unknown) => error,
  );
}

describe('emissionIntervalMs', () => {
  it('the emission interval keeps any sliding second within the rate and a tenth, with the first as late as allowed', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 1, max: 5000 }),
          fc.double({ min: 0.01, max: 5000, noNaN: true }),
        ),
        (rate) => {
          const most = Math.max(1, Math.floor(rate * 1.1));
          expect(most * emissionIntervalMs(rate)).toBeGreaterThanOrEqual(
            1000 + MAX_LATENESS_MS - 1e-6,
          );
        },
      ),
    );
  });

  it('the emission interval gives away little of the budget', () => {
    expect(1000 / emissionIntervalMs(20)).toBeGreaterThan(18.5);
    expect(1000 / emissionIntervalMs(1)).toBeGreaterThan(0.9);
  });
});

describe('the shared budget', () => {
  it('the shared budget grants requests one interval apart, however many processes ask at once', async () => {
    const test = testRedis();
    const processes = [asker(test, 100), asker(test, 100), asker(test, 100)];
    const verdicts = await Promise.all(
      processes.flatMap((ask) => Array.from({ length: 60 }, () => ask('poll'))),
    );
    const times = verdicts
      .filter(({ kind }) => kind === 'granted')
      .map(({ second }) => second)
      .sort((a, b) => a - b);
    expect(times.length).toBeGreaterThan(20);
    times.slice(1).forEach((time, i) => {
      expect(time - (times[i] ?? 0)).toBeGreaterThan(emissionIntervalMs(100) - 0.01);
    });
  });

  it('the shared budget denies the other requests, in a line, each with a later place', async () => {
    const test = testRedis();
    const ask = asker(test, 10);
    const places: number[] = [];
    while (places.length < 20) {
      const { kind, second } = await ask('poll');
      if (kind === 'denied') places.push(second);
    }
    expect((places.at(-1) ?? 0) - (places[0] ?? 0)).toBeGreaterThan(
      (18 * emissionIntervalMs(10)) / 2,
    );
  });

  it('the line of the shared budget is never longer than two minutes', async () => {
    const test = testRedis();
    const ask = asker(test, 1);
    const verdicts = await Promise.all(Array.from({ length: 500 }, () => ask('poll')));
    const longest = Math.max(
      ...verdicts.map(({ kind, second }) => (kind === 'denied' ? second : 0)),
    );
    expect(longest).toBeGreaterThan(110_000);
    expect(longest).toBeLessThanOrEqual(120_000);
  });

  it.each([
    ['upload', 'poll'],
    ['poll', 'upload'],
  ] as const)('the shared budget leaves a fifth to %s while %s floods it', async (meek, greedy) => {
    const test = testRedis();
    const granted: RequestClass[] = [];
    // The first quarter of a second is given to whoever comes first.
    const done = () => granted.length >= 30 + 100;
    const flood = async (requestClass: RequestClass) => {
      const ask = asker(test, 100, 1);
      while (!done()) {
        const { kind } = await ask(requestClass);
        if (kind === 'granted') granted.push(requestClass);
      }
    };
    await Promise.all([flood(meek), ...Array.from({ length: 8 }, () => flood(greedy))]);
    const share = granted.slice(30, 130).filter((requestClass) => requestClass === meek);
    expect(share.length).toBeGreaterThanOrEqual(19);
    expect(share.length).toBeLessThanOrEqual(81);
  });

  it('a class of requests that is alone gets all of the shared budget', async () => {
    const test = testRedis();
    const ask = asker(test, 100, 1);
    const times: number[] = [];
    while (times.length < 80) {
      const { kind, second } = await ask('poll');
      if (kind === 'granted') times.push(second);
    }
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    const tight = gaps.filter((gap) => gap < emissionIntervalMs(100) + 0.01);
    expect(tight.length).toBeGreaterThan(0.9 * gaps.length);
  });

  it('the shared budget denies a request at once, with its wait, when its turn is far', async () => {
    const test = testRedis();
    const budget = budgetOf(test, 4);
    const takes = await Promise.allSettled(
      Array.from({ length: 10 }, () => budget.take(NOW_OR_NEVER)),
    );
    const errors = takes.flatMap((take) => (take.status === 'rejected' ? [take.reason] : []));
    expect(errors.length).toBeGreaterThan(5);
    for (const error of errors) {
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error).toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken: 'not-taken' });
      expect(error.retryAfterMs).toBeGreaterThan(0);
    }
  });

  it('a request that may wait waits for its turn in the shared budget', async () => {
    const budget = budgetOf(testRedis(), 20);
    const takes = Array.from({ length: 15 }, () => budget.take(WAITING));
    await expect(Promise.all(takes)).resolves.toHaveLength(15);
  });

  it('a process that stood still does not send what the shared budget granted it before', async () => {
    const test = testRedis();
    const redis = connect(test);
    const budget = budgetOf(test, 20);
    const takes = [0, 1, 2].map(() => budget.take(NOW_OR_NEVER));
    await takes[0];
    const heldUpUntil = performance.now() + 300;
    while (performance.now() < heldUpUntil);
    const [seconds, microseconds] = await redis.time();
    await Promise.all(takes);
    const next = Number(await redis.hget(`${test.prefix}:request-budget`, 'tat'));
    expect(next).toBeGreaterThan(Number(seconds) * 1000 + Number(microseconds) / 1000);
  });

  it('the shared budget leaves no key in Redis that stays', async () => {
    const test = testRedis();
    const budget = budgetOf(test, 5);
    await Promise.allSettled(Array.from({ length: 9 }, () => budget.take(NOW_OR_NEVER)));
    await budget.block(1000);
    const left = await contents(connect(test), test.prefix);
    expect(left).toHaveLength(2);
    for (const { ttl } of left) expect(ttl).toBeGreaterThan(0);
  });

  it('a request that waits for the shared budget rejects with the reason of its abort', async () => {
    const test = testRedis();
    const budget = budgetOf(test, 1);
    await budget.take(NOW_OR_NEVER);
    const abort = new AbortController();
    const waiting = [budget.take(WAITING, abort.signal), budget.take(WAITING, abort.signal)];
    const reason = new Error('stopping');
    abort.abort(reason);
    for (const one of waiting) await expect(one).rejects.toBe(reason);
  });

  it('a request is a transient error, not taken, when the Redis of the shared budget is away', async () => {
    const test = testRedis();
    const redis = connect(test);
    const budget = createBudget({
      redis,
      keyPrefix: test.prefix,
      maxRequestsPerSecond: 5,
      observer: {},
      random: Math.random,
    });
    await budget.take(NOW_OR_NEVER);
    redis.disconnect();
    const error = await rejection(budget.take(NOW_OR_NEVER));
    expect(error).toMatchObject({ name: 'TransientError', taken: 'not-taken' });
    expect(error).not.toHaveProperty('cause');
  });
});

describe('the block of a 429', () => {
  it.each([0, 1000])('a 429 blocks every process at a budget of %d', async (rate) => {
    const test = testRedis();
    const [one, other] = [budgetOf(test, rate), budgetOf(test, rate)];
    await other.take(NOW_OR_NEVER);
    expect(await one.block(60_000)).toBe(60_000);
    for (const budget of [one, other]) {
      const error = await rejection(budget.take(NOW_OR_NEVER));
      expect(error).toBeInstanceOf(BudgetExceededError);
      // What is left of it, and half of the spread of at most 30 s.
      const retryAfterMs = error instanceof BudgetExceededError ? error.retryAfterMs : 0;
      expect(retryAfterMs).toBeGreaterThan(60_000);
      expect(retryAfterMs).toBeLessThanOrEqual(75_000);
    }
  });

  it('the longer of two blocks by 429 is kept', async () => {
    const test = testRedis();
    const budget = budgetOf(test, 0);
    await budget.block(50_000);
    await budget.block(1_000);
    const [block] = await contents(connect(test), test.prefix);
    expect(block?.ttl).toBeGreaterThan(40_000);
  });

  it('the block of a 429 without a Retry-After is short, and doubles while nothing but 429 comes', async () => {
    const budget = budgetOf(undefined, 0);
    expect(await budget.block(undefined)).toBe(1000);
    // Responses to requests that were under way together count once.
    expect(await budget.block(0)).toBe(1000);
    budget.responded();
    expect(await budget.block(undefined)).toBe(1000);
  });

  it('a request that may wait waits out the block of a 429', async () => {
    const test = testRedis();
    const budget = budgetOf(test, 0);
    await budget.block(200);
    await budget.take(WAITING);
    expect(await contents(connect(test), test.prefix)).toEqual([]);
  });

  it('a 429 blocks one process alone without Redis', async () => {
    const [one, other] = [budgetOf(undefined, 0), budgetOf(undefined, 0)];
    await one.block(60_000);
    await expect(one.take(NOW_OR_NEVER)).rejects.toBeInstanceOf(BudgetExceededError);
    await other.take(NOW_OR_NEVER);
  });
});

describe('the observer', () => {
  it('the observer of the budget hears what was granted and what was sent back', async () => {
    const heard: unknown[] = [];
    const budget = createBudget({
      redis: undefined,
      keyPrefix: '',
      maxRequestsPerSecond: 0,
      observer: {
        budgetAsked: ({ requestClass, granted }) => heard.push([requestClass, granted]),
        blocked: ({ milliseconds }) => heard.push(milliseconds),
      },
      random: () => 0,
    });
    onTestFinished(() => expect(heard).toEqual([['upload', true], 5000, ['poll', false]]));
    await budget.take({ requestClass: 'upload', mayWait: false });
    await budget.block(5000);
    await rejection(budget.take(NOW_OR_NEVER));
  });
});
