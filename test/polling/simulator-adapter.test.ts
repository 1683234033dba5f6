import { describe, expect, it } from 'vitest';
import create from '../../bench/polling/simulator-adapter.js';
import { createLearningPolicy } from '../../src/polling/learning-policy.js';

const context = {
  product: 'LOAN_APP',
  total: 4,
  present: 0,
  elapsed: 0,
  attempt: 0,
  retryAfter: 0,
  minInterval: 1,
  maxInterval: 60,
  deadline: 3_600,
  random: () => 0.5,
};

describe('the adapter for simulators that count in seconds', () => {
  it('the adapter for simulators that count in seconds plans and learns as the policy does in milliseconds', () => {
    const adapter = create();
    const policy = createLearningPolicy();
    for (let round = 1; round <= 10; round++) {
      const now = 100 + round * 50;
      adapter.observe({
        product: 'LOAN_APP',
        total: 4,
        lo: 28,
        hi: 31,
        timedOut: false,
        now,
        polls: [{ t: 28, present: 2 }],
      });
      policy.observe({
        productType: 'LOAN_APP',
        total: 4,
        sentAtMs: (now - 31) * 1_000,
        afterMs: 28_000,
        byMs: 31_000,
        timedOut: false,
        negativePolls: [{ elapsedMs: 28_000, present: 2 }],
      });
    }
    const delayMs = policy.nextDelayMs({
      productType: 'LOAN_APP',
      total: 4,
      present: 1,
      elapsedMs: 15_000,
      polls: 1,
      retryAfterMs: 0,
      minMs: 1_000,
      maxMs: 60_000,
      deadlineMs: 3_600_000,
      random: () => 0.5,
    });
    expect(adapter.next({ ...context, present: 1, elapsed: 15, attempt: 1 }) * 1_000).toBeCloseTo(
      delayMs,
      6,
    );
  });

  it('the adapter for simulators that count in seconds takes a time-out as one', () => {
    const adapter = create({ c: 3 });
    const before = adapter.next(context);
    const timedOut = { product: 'LOAN_APP', total: 4, lo: 3_600, hi: Infinity, timedOut: true };
    for (let round = 0; round < 20; round++) {
      adapter.observe({ ...timedOut, now: 4_000 + round * 10, polls: [] });
    }
    expect(adapter.next(context)).toBeGreaterThan(before);
  });
});
