import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLearningPolicy } from '../../src/polling/learning-policy.js';
import type { Observation, PollContext, PollPolicy } from '../../src/polling/poll-policy.js';
import { randomFrom } from '../../src/simulator/random.js';

const context: PollContext = {
  productType: 'LOAN_APP',
  total: 4,
  present: 0,
  elapsedMs: 0,
  polls: 0,
  retryAfterMs: 0,
  minMs: 1_000,
  maxMs: 60_000,
  deadlineMs: 3_600_000,
  random: () => 0.5,
};

const observation = (completionMs: number, more: Partial<Observation> = {}): Observation => ({
  productType: 'LOAN_APP',
  total: 4,
  afterMs: completionMs * 0.95,
  byMs: completionMs * 1.02,
  timedOut: false,
  negativePolls: [],
  ...more,
});

const anyObservation: fc.Arbitrary<Observation> = fc
  .record({
    productType: fc.constantFrom('A', 'B', 'C'),
    total: fc.constantFrom(1, 4, 50, 400),
    afterMs: fc.integer({ min: 0, max: 300_000 }),
    width: fc.integer({ min: 1, max: 60_000 }),
    timedOut: fc.boolean(),
    sentAtMs: fc.integer({ min: 1, max: 10_000_000 }),
    shares: fc.array(fc.tuple(fc.double({ min: 0.01, max: 1 }), fc.double({ min: 0, max: 1 })), {
      maxLength: 5,
    }),
  })
  .map(({ width, shares, ...rest }) => ({
    ...rest,
    byMs: rest.afterMs + width,
    negativePolls: shares.map(([share, done]) => ({
      elapsedMs: Math.ceil(rest.afterMs * share),
      present: Math.floor(rest.total * done),
    })),
  }));

const anyContext = fc.record({
  productType: fc.constantFrom('A', 'B', 'unknown'),
  total: fc.constantFrom(1, 4, 50, 400, 20_000),
  presentShare: fc.double({ min: 0, max: 1, noNaN: true }),
  elapsedMs: fc.integer({ min: 0, max: 4_000_000 }),
  polls: fc.integer({ min: 0, max: 100 }),
  retryAfterMs: fc.constantFrom(0, 0, 5_000, 120_000),
  minMs: fc.constantFrom(20, 1_000, 5_000),
  maxMs: fc.constantFrom(5_000, 60_000),
  deadlineMs: fc.constantFrom(30_000, 3_600_000, 100_000_000),
  chance: fc.double({ min: 0, max: 0.999999, noNaN: true }),
});

function contextOf({
  presentShare,
  chance,
  ...rest
}: typeof anyContext extends fc.Arbitrary<infer T> ? T : never): PollContext {
  const present = Math.floor(rest.total * presentShare);
  return { ...rest, present, random: () => chance };
}

function trained(observations: readonly Observation[]): PollPolicy {
  const policy = createLearningPolicy();
  for (const one of observations) policy.observe(one);
  return policy;
}

describe('the learning policy', () => {
  it('the learning policy holds every bound, whatever it has seen', () => {
    fc.assert(
      fc.property(fc.array(anyObservation), fc.array(anyContext), (observations, contexts) => {
        const policy = trained(observations);
        for (const some of contexts.map(contextOf)) {
          const delayMs = policy.nextDelayMs(some);
          const remainingMs = Math.max(0, some.deadlineMs - some.elapsedMs);
          const shortestMs = Math.max(some.minMs, some.retryAfterMs);
          expect(delayMs).toBeGreaterThanOrEqual(Math.min(shortestMs, remainingMs));
          expect(delayMs).toBeLessThanOrEqual(Math.max(shortestMs, some.maxMs));
          expect(delayMs).toBeLessThanOrEqual(remainingMs);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('the learning policy plans the same after a replay of what it has seen, and whatever it was asked between', () => {
    fc.assert(
      fc.property(fc.array(anyObservation), fc.array(anyContext), (observations, contexts) => {
        const asked = contexts.map(contextOf);
        const lived = createLearningPolicy();
        for (const one of observations) {
          for (const some of asked) lived.nextDelayMs(some);
          lived.observe(one);
        }
        const replayed = trained(observations);
        expect(asked.map((some) => replayed.nextDelayMs(some))).toEqual(
          asked.map((some) => lived.nextDelayMs(some)),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('the learning policy polls first about when uploads have completed', () => {
    const delayMs = trained(Array.from({ length: 40 }, () => observation(30_000))).nextDelayMs(
      context,
    );
    expect(delayMs).toBeGreaterThan(29_000);
    expect(delayMs).toBeLessThan(33_000);
  });

  it('the learning policy comes back soon when nearly all documents are present', () => {
    const policy = createLearningPolicy();
    const late = { ...context, elapsedMs: 60_000, polls: 2, total: 20 };
    expect(policy.nextDelayMs({ ...late, present: 19 })).toBeLessThan(
      policy.nextDelayMs({ ...late, present: 5 }) / 3,
    );
  });

  it('the learning policy keeps product types apart', () => {
    const policy = trained(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 ? observation(10_000, { productType: 'A' }) : observation(55_000),
      ),
    );
    expect(policy.nextDelayMs({ ...context, productType: 'A' })).toBeLessThan(12_000);
    expect(policy.nextDelayMs(context)).toBeGreaterThan(50_000);
  });

  it('the learning policy plans for the newest of more product types than it remembers', () => {
    const policy = createLearningPolicy();
    for (let product = 0; product < 10_000; product += 1) {
      policy.observe(observation(20_000, { productType: `flood-${product}`, sentAtMs: 1e9 }));
    }
    expect(policy.nextDelayMs({ ...context, productType: 'flood-9999' })).toBeGreaterThan(0);
  });

  it('the learning policy learns nothing from junk', () => {
    const junk = [
      observation(Number.NaN),
      observation(Number.POSITIVE_INFINITY),
      observation(-5_000),
      observation(0),
      observation(4_000_000),
      observation(2_000, { total: 0 }),
    ];
    const policy = createLearningPolicy({ deadlineMs: 3_600_000 });
    const before = policy.nextDelayMs(context);
    for (const one of junk) policy.observe(one);
    expect(policy.nextDelayMs(context)).toBe(before);
  });

  it('the learning policy now and then polls early, and only with the first poll', () => {
    const policy = trained(Array.from({ length: 40 }, () => observation(30_000)));
    const random = randomFrom(7);
    const delays = (polls: number) =>
      Array.from({ length: 3_000 }, () => policy.nextDelayMs({ ...context, polls, random }));
    const early = delays(0).filter((delayMs) => delayMs < 25_000).length;
    expect(early).toBeGreaterThan(20);
    expect(early).toBeLessThan(120);
    expect(delays(1).filter((delayMs) => delayMs < 25_000)).toEqual([]);
  });

  it('the learning policy spreads polls of uploads sent at the same moment, known service or not', () => {
    for (const policy of [
      createLearningPolicy(),
      trained(
        Array.from({ length: 200 }, (_, index) => observation(20_000 + 400 * ((index * 7) % 50))),
      ),
    ]) {
      const random = randomFrom(11);
      const perSecond = new Map<number, number>();
      for (let upload = 0; upload < 5_000; upload++) {
        const second = Math.floor(policy.nextDelayMs({ ...context, random }) / 1_000);
        perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
      }
      expect(Math.max(...perSecond.values())).toBeLessThan(3_000);
    }
  });

  it('the learning policy does not chase the first completions of a burst', () => {
    const burst = Array.from({ length: 60 }, (_, index) =>
      observation(10_000 + index * 100, { sentAtMs: 5_000_000 + index, afterMs: 7_000 }),
    );
    const stillOut = { ...context, elapsedMs: 16_500, polls: 2 };
    expect(trained(burst).nextDelayMs(stillOut)).toBeGreaterThan(5_000);
  });

  it('the learning policy works in the scale of its shortest interval', () => {
    const quick = createLearningPolicy({ minMs: 50 });
    const usual = createLearningPolicy();
    const scaled = quick.nextDelayMs({ ...context, minMs: 50, maxMs: 3_000, deadlineMs: 180_000 });
    expect(scaled * 20).toBeGreaterThan(usual.nextDelayMs(context) * 0.8);
    expect(scaled * 20).toBeLessThan(usual.nextDelayMs(context) * 1.25);
  });
});

describe('a safety net', () => {
  it('a safety net comes when an upload that it knows should be complete', () => {
    const policy = trained(Array.from({ length: 60 }, () => observation(30_000)));
    const delayMs = policy.safetyNetDelayMs(context);
    expect(delayMs).toBeGreaterThan(30_000);
    expect(delayMs).toBeLessThan(45_000);
  });

  it('a safety net waits as long as it may for an upload that it does not know', () => {
    expect(createLearningPolicy().safetyNetDelayMs(context)).toBe(context.maxMs);
  });
});
