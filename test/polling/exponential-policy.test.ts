import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExponentialPolicy } from '../../bench/polling/exponential-policy.js';
import type { PollContext } from '../../src/polling/poll-policy.js';

const context: PollContext = {
  productType: 'LOAN_APP',
  total: 5,
  present: 0,
  elapsedMs: 0,
  polls: 0,
  retryAfterMs: 0,
  minMs: 1_000,
  maxMs: 60_000,
  deadlineMs: 3_600_000,
  random: () => 0.5,
};

describe('the exponential policy', () => {
  it('the exponential policy doubles its longest delay with each poll up to the longest interval', () => {
    const policy = createExponentialPolicy();
    const longest = [0, 1, 2, 3, 4, 5, 6].map((polls) =>
      policy.nextDelayMs({ ...context, polls, random: () => 1 }),
    );
    expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
  });

  it('the exponential policy never polls sooner than the shortest interval', () => {
    const policy = createExponentialPolicy();
    for (const polls of [0, 3, 2_000]) {
      expect(policy.nextDelayMs({ ...context, polls, random: () => 0 })).toBe(1_000);
    }
  });

  it('the exponential policy holds its bounds for any number of polls', () => {
    const policy = createExponentialPolicy();
    fc.assert(
      fc.property(fc.nat(5_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (polls, u) => {
        const delayMs = policy.nextDelayMs({ ...context, polls, random: () => u });
        expect(delayMs).toBeGreaterThanOrEqual(context.minMs);
        expect(delayMs).toBeLessThanOrEqual(context.maxMs);
      }),
    );
  });
});
