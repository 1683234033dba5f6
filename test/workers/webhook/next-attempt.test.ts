import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  planWebhook,
  responseCode,
  type WebhookResponse,
} from '../../../src/workers/webhook/next-attempt.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NOW = Date.parse('2026-11-23T12:00:00Z');

const responseWith = (status: number, retryAfter?: string): WebhookResponse => ({
  kind: 'response',
  status,
  retryAfter,
});
const plan = (
  response: WebhookResponse,
  { since = 0, failures = 1, random = 0.5 }: Partial<Record<string, number>> = {},
) =>
  planWebhook(
    response,
    { v: 1, startedAtAttempt: 0, startedAt: NOW - since, failures },
    NOW,
    () => random,
  );

test.each([200, 201, 202, 204, 299])('a webhook that gets a %d is delivered', (status) => {
  expect(plan(responseWith(status))).toEqual({ next: 'delivered' });
});

test.each([301, 302, 307, 400, 401, 404, 409, 429, 500, 502, 503])(
  'a webhook that gets a %d is tried again',
  (status) => {
    expect(plan(responseWith(status))).toMatchObject({ next: 'retry' });
  },
);

test('a webhook that gets no response is tried again', () => {
  const response: WebhookResponse = { kind: 'failed', code: 'ECONNREFUSED' };
  expect(plan(response)).toMatchObject({ next: 'retry' });
  expect(responseCode(response)).toBe('ECONNREFUSED');
});

test('a webhook that gets a 410 is given up at once', () => {
  expect(plan(responseWith(410))).toMatchObject({ next: 'give-up' });
});

test('a webhook waits for Retry-After, in seconds or as a date, for an hour at most', () => {
  const early = { failures: 1, random: 0 };
  expect(plan(responseWith(503, '600'), early)).toEqual({ next: 'retry', delayMs: 600_000 });
  const date = new Date(NOW + 90_000).toUTCString();
  expect(plan(responseWith(429, date), early)).toEqual({ next: 'retry', delayMs: 90_000 });
  expect(plan(responseWith(503, '86400'), early)).toEqual({ next: 'retry', delayMs: HOUR_MS });
  expect(plan(responseWith(503, 'soon'), early)).toEqual({ next: 'retry', delayMs: 2000 });
});

test('the last attempt of a webhook is made when the day is over', () => {
  const late = { since: DAY_MS - 5000, failures: 40, random: 0.9 };
  expect(plan(responseWith(500), late)).toEqual({ next: 'retry', delayMs: 5000 });
  expect(plan(responseWith(500), { since: DAY_MS })).toMatchObject({ next: 'give-up' });
});

test('every wait of a webhook ends within the hour and the day, is jittered, and comes to an end', () => {
  const random = fc.double({ min: 0.1, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(fc.array(random, { minLength: 1 }), (randoms) => {
      let now = NOW;
      let failures = 0;
      for (;;) {
        failures += 1;
        const state = { v: 1, startedAtAttempt: 0, startedAt: NOW, failures } as const;
        const decision = planWebhook(
          responseWith(500),
          state,
          now,
          () => randoms[failures % randoms.length] ?? 0,
        );
        if (decision.next !== 'retry') break;
        expect(decision.delayMs).toBeGreaterThan(0);
        expect(decision.delayMs).toBeLessThanOrEqual(HOUR_MS);
        now += decision.delayMs;
        expect(now - NOW).toBeLessThanOrEqual(DAY_MS);
      }
      expect(now - NOW).toBe(DAY_MS);
      expect(failures).toBeGreaterThan(20);
    }),
  );
});
