import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clampDelay, type DelayBounds } from '../../src/polling/poll-policy.js';

const bounds: DelayBounds = {
  elapsedMs: 10_000,
  retryAfterMs: 0,
  minMs: 1_000,
  maxMs: 60_000,
  deadlineMs: 3_600_000,
};

const anyBounds = fc
  .record({
    minMs: fc.integer({ min: 1, max: 10_000 }),
    span: fc.integer({ min: 0, max: 100_000 }),
    retryAfterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300_000 })),
    deadlineMs: fc.integer({ min: 1, max: 4_000_000 }),
    elapsedMs: fc.integer({ min: 0, max: 4_100_000 }),
  })
  .map(({ minMs, span, ...rest }) => ({ minMs, maxMs: minMs + span, ...rest }));

describe('clampDelay', () => {
  it('clampDelay keeps an allowed delay, in whole milliseconds', () => {
    expect(clampDelay(5_000.4, bounds)).toBe(5_000);
  });

  it('clampDelay keeps to the bounds of an interval', () => {
    expect(clampDelay(3, bounds)).toBe(1_000);
    expect(clampDelay(1e9, bounds)).toBe(60_000);
    expect(clampDelay(Number.POSITIVE_INFINITY, bounds)).toBe(60_000);
  });

  it('clampDelay waits as long as the other side asks, even beyond the longest interval', () => {
    expect(clampDelay(3, { ...bounds, retryAfterMs: 90_000 })).toBe(90_000);
  });

  it('clampDelay never plans past the deadline, whatever the other side asks', () => {
    expect(clampDelay(50_000, { ...bounds, deadlineMs: 40_000 })).toBe(30_000);
    expect(clampDelay(3, { ...bounds, retryAfterMs: 90_000, deadlineMs: 40_000 })).toBe(30_000);
    expect(clampDelay(3, { ...bounds, deadlineMs: 10_000 })).toBe(0);
    expect(clampDelay(3, { ...bounds, deadlineMs: 9_000 })).toBe(0);
  });

  it('clampDelay leaves no stub shorter than an interval before the deadline', () => {
    expect(clampDelay(29_500, { ...bounds, deadlineMs: 40_000 })).toBe(30_000);
    expect(clampDelay(60_000, { ...bounds, deadlineMs: 70_500 })).toBe(59_500);
  });

  it('clampDelay takes the longest delay when asked for one that is not a number', () => {
    expect(clampDelay(Number.NaN, bounds)).toBe(60_000);
  });

  it('clampDelay holds every bound for any input', () => {
    fc.assert(
      fc.property(anyBounds, fc.double(), (some, wantedMs) => {
        const delayMs = clampDelay(wantedMs, some);
        const remainingMs = Math.max(0, some.deadlineMs - some.elapsedMs);
        const shortestMs = Math.max(some.minMs, some.retryAfterMs);
        expect(delayMs).toBeGreaterThanOrEqual(Math.min(shortestMs, remainingMs));
        expect(delayMs).toBeLessThanOrEqual(Math.max(shortestMs, some.maxMs));
        expect(delayMs).toBeLessThanOrEqual(remainingMs);
      }),
    );
  });
});
