import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_NEGATIVE_POLLS, parseObservation } from '../../src/polling/observation.js';
import type { Observation } from '../../src/polling/poll-policy.js';

const DEADLINE_MS = 3_600_000;
const good: Observation = {
  productType: 'LOAN_APP',
  total: 5,
  afterMs: 20_000,
  byMs: 30_000,
  timedOut: false,
  sentAtMs: 1_700_000_000_000,
  negativePolls: [
    { elapsedMs: 10_000, present: 0 },
    { elapsedMs: 20_000, present: 3 },
  ],
};

describe('an observation', () => {
  it('an observation survives JSON unchanged', () => {
    expect(parseObservation(JSON.parse(JSON.stringify(good)), DEADLINE_MS)).toEqual(good);
  });

  it('an observation may lack the time at which it was sent', () => {
    const { sentAtMs: _, ...without } = good;
    expect(parseObservation(without, DEADLINE_MS)).toEqual(without);
  });

  it.each([
    ['nothing', null],
    ['a text', 'LOAN_APP'],
    ['no product type', { ...good, productType: '' }],
    ['an endless product type', { ...good, productType: 'x'.repeat(1_000) }],
    ['no documents', { ...good, total: 0 }],
    ['half a document', { ...good, total: 1.5 }],
    ['a time that is not finite', { ...good, byMs: Number.POSITIVE_INFINITY }],
    ['a time that is not a number', { ...good, afterMs: Number.NaN }],
    ['a negative time', { ...good, afterMs: -1 }],
    ['a time of zero', { ...good, afterMs: 0, byMs: 0 }],
    ['an end before its beginning', { ...good, afterMs: 31_000 }],
    ['a time past the deadline', { ...good, byMs: DEADLINE_MS + 1 }],
    ['no word on the deadline', { ...good, timedOut: 'no' }],
    ['a sending time that is no time', { ...good, sentAtMs: 'yesterday' }],
    ['polls that are no list', { ...good, negativePolls: {} }],
  ])('an observation is junk with %s', (_, value) => {
    expect(parseObservation(value, DEADLINE_MS)).toBeNull();
  });

  it('an observation loses only the polls that make no sense', () => {
    const negativePolls = [
      { elapsedMs: 10_000, present: 0 },
      { elapsedMs: -5, present: 0 },
      { elapsedMs: 12_000, present: 6 },
      { elapsedMs: 25_000, present: 3 },
      { elapsedMs: 15_000, present: 0.5 },
      null,
      'poll',
    ];
    expect(parseObservation({ ...good, negativePolls }, DEADLINE_MS)?.negativePolls).toEqual([
      { elapsedMs: 10_000, present: 0 },
    ]);
  });

  it('an observation keeps a bounded number of polls, the first and the last among them', () => {
    const negativePolls = Array.from({ length: 500 }, (_, index) => ({
      elapsedMs: index + 1,
      present: 1,
    }));
    const kept = parseObservation({ ...good, negativePolls }, DEADLINE_MS)?.negativePolls ?? [];
    expect(kept.length).toBe(MAX_NEGATIVE_POLLS);
    expect(kept.at(0)?.elapsedMs).toBe(1);
    expect(kept.at(-1)?.elapsedMs).toBe(500);
  });

  it('the observation of a time-out may end at the last poll', () => {
    const timedOut = { ...good, timedOut: true, afterMs: DEADLINE_MS, byMs: DEADLINE_MS };
    expect(parseObservation(timedOut, DEADLINE_MS)).not.toBeNull();
  });

  it('an observation parses to the same when parsed again, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.object().map((o) => ({ ...good, ...o })),
        ),
        (value) => {
          const once = parseObservation(value, DEADLINE_MS);
          if (once) expect(parseObservation(once, DEADLINE_MS)).toEqual(once);
        },
      ),
    );
  });
});
