import { describe, expect, it } from 'vitest';
import type { Reason } from '../../../src/errors.js';
import {
  KEPT_POLLS,
  newPollState,
  type PollData,
  type PollState,
} from '../../../src/jobs/state/poll-state.js';
import {
  HANDOVER_MS,
  MEMORY_TIMEOUT_MS,
  NOT_FOUND_TIMEOUT_MS,
} from '../../../src/workers/poll/error-transitions.js';
import type { PollEvent } from '../../../src/workers/poll/poll-event.js';
import {
  afterKeeping,
  afterPoll,
  beginPoll,
  enterPoll,
  isLastPoll,
  MAX_FAILING_POLLS,
  MAX_OVERDUE_POLLS,
} from '../../../src/workers/poll/transitions.js';
import { MAX_UNEXPECTED_ERRORS } from '../../../src/workers/runtime/backoff.js';

const REASON: Reason = { code: 'ATLAS_UNAVAILABLE', message: 'no response' };
const NEXT_POLL_MS = 7000;
const RETRY_MS = 3000;
const SENT_AT = 1000;
const SHARE_ENDS_AT = 500_000;
const BATCH_ENDS_AT = 900_000;

const data: PollData = {
  v: 1,
  reference: 'loan-1',
  atlasBatchId: 'B-1',
  productType: 'LOAN_APP',
  documentIds: ['a', 'b', 'c'],
  documentIndexes: '0-2',
  scoped: false,
  batchTimestamp: 1,
  sentAt: SENT_AT,
  batchStartedAt: 0,
  roundsAfter: 1,
};
const deadlines = { share: SHARE_ENDS_AT, batch: BATCH_ENDS_AT };
const fresh = newPollState(0, 3);

const decide = (state: PollState, event: PollEvent, now: number) =>
  afterPoll(beginPoll(state, now), event, {
    data,
    now,
    deadlines,
    deadlineMs: BATCH_ENDS_AT,
    // As planned polls are: none comes after the share.
    nextPollMs: () => Math.max(0, Math.min(NEXT_POLL_MS, SHARE_ENDS_AT - now)),
    retryMs: (_, retryAfterMs) => Math.max(RETRY_MS, retryAfterMs),
  });

const read = (present: number, changes: object = {}): PollEvent => ({
  kind: 'read',
  reading: {
    complete: present === 3,
    overdue: false,
    toStay: '',
    failing: false,
    filledUp: false,
    present,
    announced: present,
    found: { extractCount: present, present },
    ...changes,
  },
});
const events = {
  cancelled: { kind: 'cancelled', reason: REASON },
  deadly: { kind: 'deadly', reason: REASON },
  complete: read(3),
  incomplete: read(2),
  'only counted': read(2, { found: null }),
  stored: { kind: 'stored', present: 3, missing: '', unexpected: 1, unreadable: 2 },
  'stored in part': { kind: 'stored', present: 2, missing: '1', unexpected: 0, unreadable: 0 },
  'not found': { kind: 'not-found', reason: REASON },
  'a page too large': {
    ...{ kind: 'page-unreadable', reason: REASON, perPage: 50, halve: 'at-once', retryAfterMs: 0 },
  },
  'a page unreadable': {
    ...{ kind: 'page-unreadable', reason: REASON, perPage: 50, retryAfterMs: 0 },
    halve: 'when-it-lasts',
  },
  overdue: read(3, { complete: false, overdue: true, announced: 4 }),
  'no room': { kind: 'no-room', reason: REASON, retryAfterMs: 400 },
  'no memory': { kind: 'no-memory', wantedBytes: 1000 },
  'transient error': { kind: 'transient-error', reason: REASON, retryAfterMs: 0 },
  'own fault': { kind: 'own-fault', reason: REASON, retryAfterMs: 0 },
  'unexpected error': { kind: 'unexpected-error', reason: REASON },
} satisfies Record<string, PollEvent>;

const again: PollState = { ...fresh, finalCheck: { startedAt: 0 } };
const situations = {
  'in time': { state: fresh, now: 5000 },
  'after its share': { state: fresh, now: SHARE_ENDS_AT },
  'after the deadline': { state: fresh, now: BATCH_ENDS_AT },
  'once more': { state: again, now: 5000 },
  'once more, too late': { state: again, now: BATCH_ENDS_AT },
  'with a richer result stored': { state: { ...again, stored: 3 }, now: 5000 },
};

type Next = 'sleep' | 'store' | 'complete' | 'incomplete' | 'cancelled' | 'rejected';
const always = (next: Next) => Array<Next>(6).fill(next);

/** For each event what follows, in the order of the situations. */
const TABLE: Record<keyof typeof events, Next[]> = {
  cancelled: always('cancelled'),
  deadly: always('rejected'),
  complete: always('store'),
  incomplete: ['sleep', 'store', 'store', 'store', 'store', 'rejected'],
  'only counted': always('sleep'),
  stored: always('complete'),
  'stored in part': always('incomplete'),
  'not found': ['sleep', 'sleep', 'rejected', 'rejected', 'rejected', 'rejected'],
  'a page too large': always('sleep'),
  'a page unreadable': ['sleep', 'sleep', 'rejected', 'sleep', 'rejected', 'sleep'],
  overdue: ['sleep', 'store', 'store', 'store', 'store', 'store'],
  'no room': ['sleep', 'sleep', 'rejected', 'sleep', 'rejected', 'sleep'],
  'no memory': always('sleep'),
  'transient error': ['sleep', 'sleep', 'rejected', 'sleep', 'rejected', 'sleep'],
  'own fault': always('sleep'),
  'unexpected error': always('sleep'),
};

const ROWS = Object.entries(TABLE).flatMap(([event, row]) =>
  Object.entries(situations).map(([situation, facts], i) => ({
    ...{ event, situation, next: row[i], facts },
  })),
);

it.each(ROWS)('a poll $situation that comes to "$event" leads to $next', (row) => {
  const { state, now } = row.facts;
  const decision = decide(state, events[row.event as keyof typeof events], now);
  expect(decision.next === 'end' ? decision.result.status : decision.next).toBe(row.next);
  if (decision.next === 'end') expect(decision.state.nextPollAt).toBeNull();
  if (decision.next === 'sleep') expect(decision.state.nextPollAt).toBeGreaterThanOrEqual(now);
});

describe('a poll job', () => {
  it('a poll job remembers what it read, and the latest negative polls', () => {
    let state = fresh;
    for (let poll = 1; poll <= KEPT_POLLS + 1; poll += 1) {
      state = decide(state, read(1), SENT_AT + poll).state;
    }
    expect(state).toMatchObject({
      polls: KEPT_POLLS + 1,
      present: 1,
      seen: { extracts: 1, present: 1, announced: 1 },
      nextPollAt: SENT_AT + KEPT_POLLS + 1 + NEXT_POLL_MS,
    });
    expect(state.negativePolls).toHaveLength(KEPT_POLLS);
    expect(state.negativePolls[0]).toEqual([2, 1]);
    const counted = decide(state, read(2, { found: null, announced: 9 }), 50_000).state;
    expect(counted.seen).toEqual({ extracts: 1, present: 1, announced: 9, stays: 0 });
  });

  it('a poll job that is given up has the documents of the result that was stored before', () => {
    const kept = { present: 2, missing: '1', unexpected: 3, unreadable: 4 };
    const state = afterKeeping(fresh, kept);
    for (const event of ['cancelled', 'transient error'] as const)
      expect(decide(state, events[event], BATCH_ENDS_AT)).toMatchObject({
        next: 'end',
        result: { ...kept, stored: true, reason: REASON },
      });
    expect(decide(state, read(1), BATCH_ENDS_AT)).toMatchObject({
      ...{ next: 'end', result: { status: 'rejected', ...kept, stored: true } },
    });
    expect(decide(state, read(2), BATCH_ENDS_AT).next).toBe('store');
  });

  it('a poll job counts errors in a row, and sleeps no longer than to the deadline', () => {
    const once = decide(fresh, events['transient error'], 5000).state;
    const twice = decide(once, events['transient error'], BATCH_ENDS_AT - 10).state;
    expect(twice).toMatchObject({ errorStreak: { count: 2 }, nextPollAt: BATCH_ENDS_AT });
    expect(decide(twice, events.incomplete, 5000).state.errorStreak).toBeUndefined();
  });

  it('a poll job whose batch fails ends at the deadline, with what failed, and asks for no smaller pages then', () => {
    const once = decide(fresh, events['a page unreadable'], BATCH_ENDS_AT - 100).state;
    const waits = decide(once, events['no room'], BATCH_ENDS_AT - 100).state;
    expect([once.nextPollAt, waits.nextPollAt]).toEqual([BATCH_ENDS_AT, BATCH_ENDS_AT]);
    const noRoom: PollEvent = {
      ...events['no room'],
      reason: { code: 'ATLAS_UNAVAILABLE', message: 'it takes turns' },
    };
    for (const event of [events['a page unreadable'], noRoom])
      expect(decide(waits, event, BATCH_ENDS_AT)).toMatchObject({
        next: 'end',
        result: { status: 'rejected', reason: REASON },
      });
  });

  it('a poll job is refused when its share is over and Atlas answers 404 for two minutes without a break', () => {
    const first = decide(fresh, events['not found'], 5000).state;
    expect(first).toMatchObject({ polls: 1, notFoundSince: 5000 });
    const later = 5000 + NOT_FOUND_TIMEOUT_MS;
    expect(decide(first, events['not found'], later).next).toBe('sleep');
    expect(decide(first, events['not found'], SHARE_ENDS_AT - 1).state.nextPollAt).toBe(
      SHARE_ENDS_AT,
    );
    expect(decide(first, events['not found'], SHARE_ENDS_AT)).toMatchObject({
      next: 'end',
      result: { status: 'rejected', reason: REASON, missing: '0-2' },
    });
    expect(decide(first, events.incomplete, later).state.notFoundSince).toBeNull();
  });

  it.each([
    ['from the start', 5000],
    ['shortly before its share is over', SHARE_ENDS_AT - 1000],
    ['shortly before the deadline', BATCH_ENDS_AT - 10_000],
  ])(
    'a 404 that begins %s is polled at the distance of errors when the share is over',
    (_, from) => {
      const gaps: number[] = [];
      let now = from;
      let decision = decide(fresh, events['not found'], now);
      while (decision.next === 'sleep') {
        const { nextPollAt } = decision.state;
        if (now >= SHARE_ENDS_AT) gaps.push((nextPollAt ?? now) - now);
        now = nextPollAt ?? now;
        expect(gaps.length).toBeLessThan(1000);
        decision = decide(decision.state, events['not found'], now);
      }
      expect(decision).toMatchObject({ next: 'end', result: { status: 'rejected' } });
      expect(now).toBeLessThanOrEqual(BATCH_ENDS_AT);
      // The last one comes when the time is over.
      expect(gaps.slice(0, -1).filter((gap) => gap < RETRY_MS)).toEqual([]);
    },
  );

  it('a 404, an outage and a 404 are no unbroken 404', () => {
    const first = decide(fresh, events['not found'], 5000).state;
    const out = decide(first, events['transient error'], 6000).state;
    const late = decide(out, events['not found'], SHARE_ENDS_AT);
    expect(late).toMatchObject({ next: 'sleep', state: { notFoundSince: SHARE_ENDS_AT } });
  });

  it('a poll job waits for memory beyond the deadline, not for ever, and remembers how much', () => {
    const { state } = decide(fresh, events['no memory'], 5000);
    expect(state).toMatchObject({ wantedBytes: 1000, nextPollAt: 5000 + RETRY_MS, polls: 0 });
    const last = BATCH_ENDS_AT + MEMORY_TIMEOUT_MS;
    expect(decide(state, events['no memory'], last - 1).next).toBe('sleep');
    expect(decide(state, events['no memory'], last)).toMatchObject({
      next: 'end',
      result: { status: 'rejected', reason: { code: 'INTERNAL' } },
    });
  });

  it('a poll job that one worker cannot do is left to others beyond the deadline, for a minute', () => {
    const { state } = decide(fresh, events['own fault'], BATCH_ENDS_AT);
    expect(state).toMatchObject({
      nextPollAt: BATCH_ENDS_AT + RETRY_MS,
      errorStreak: { count: 1 },
    });
    const last = BATCH_ENDS_AT + HANDOVER_MS;
    expect(decide(fresh, events['own fault'], last - 1).next).toBe('sleep');
    expect(decide(fresh, events['own fault'], last)).toMatchObject({
      next: 'end',
      result: { status: 'rejected', reason: REASON },
    });
  });

  it('a poll job asks again at once for half as many when a page was too large, and remembers it', () => {
    const { state } = decide(fresh, events['a page too large'], 5000);
    expect(state).toMatchObject({ perPage: 25, nextPollAt: 5000, polls: 0 });
    expect(decide(state, events.incomplete, 6000).state.perPage).toBe(25);
  });

  it('a poll job asks for half as many when a page is unreadable twice in a row, down to one', () => {
    const unreadable = (perPage: number) => ({ ...events['a page unreadable'], perPage });
    const once = decide(fresh, unreadable(50), 5000).state;
    expect(once).toMatchObject({ errorStreak: { count: 1 }, nextPollAt: 5000 + RETRY_MS });
    expect(once.perPage).toBeUndefined();
    const twice = decide(once, unreadable(50), 6000).state;
    expect(twice).toMatchObject({ perPage: 25, nextPollAt: 6000 });
    expect(twice.errorStreak).toBeUndefined();
    for (const between of ['incomplete', 'transient error', 'not found'] as const) {
      const other = decide(once, events[between], 6000).state;
      expect(decide(other, unreadable(50), 7000).state.perPage).toBeUndefined();
    }
    let state: PollState = { ...fresh, perPage: 3 };
    for (const perPage of [3, 3]) state = decide(state, unreadable(perPage), 1).state;
    expect(state.perPage).toBe(1);
    for (const count of [1, 2, 3]) {
      const decision = decide(state, unreadable(1), 1);
      expect(decision.state).toMatchObject({ perPage: 1, errorStreak: { count } });
      state = decision.state;
    }
  });

  it('a poll job counts for how many polls in a row the announced total has stayed', () => {
    const announced = [2, 2, 2, 3, 3, null, null];
    let state = fresh;
    const stays = announced.map((total) => {
      state = decide(state, read(2, { announced: total }), 5000).state;
      return state.seen.stays;
    });
    expect(stays).toEqual([0, 1, 2, 0, 1, 0, 0]);
  });

  it('a poll job waits a few polls for what Atlas announces beyond a whole list, not longer', () => {
    let decision = decide(fresh, events.overdue, 5000);
    for (let poll = 2; poll <= MAX_OVERDUE_POLLS; poll += 1) {
      expect(decision).toMatchObject({ next: 'sleep', state: { nextPollAt: 5000 + RETRY_MS } });
      decision = decide(decision.state, events.overdue, 5000);
    }
    expect(decision.next).toBe('store');
  });

  it('a poll job does not wait for that beyond its share of the deadline', () => {
    const { state } = decide(fresh, events.overdue, SHARE_ENDS_AT - 10);
    expect(state.nextPollAt).toBe(SHARE_ENDS_AT);
  });

  it('a poll job waits some polls longer for an extract that is not given', () => {
    const failing = read(3, { complete: false, overdue: true, failing: true, toStay: 'third' });
    let decision = decide(fresh, failing, 5000);
    for (let poll = 2; poll <= MAX_FAILING_POLLS; poll += 1) {
      expect(decision.next).toBe('sleep');
      decision = decide(decision.state, failing, 5000);
    }
    expect(decision.next).toBe('store');
  });

  it('a poll job counts anew when a whole list has grown, or was not whole after all', () => {
    const once = decide(fresh, events.overdue, 5000).state;
    const grown = read(3, {
      complete: false,
      overdue: true,
      found: { extractCount: 4, present: 3 },
    });
    expect(decide(once, grown, 6000).state.overdue).toMatchObject({ polls: 1 });
    expect(decide(once, events.incomplete, 6000).state.overdue).toBeUndefined();
  });

  it('a poll job does not give up what one poll could read and another could not', () => {
    let decision = decide(fresh, events.overdue, 5000);
    for (let poll = 1; poll <= 2 * MAX_OVERDUE_POLLS; poll += 1) {
      expect(decision.next).toBe('sleep');
      const other = read(3, { complete: false, overdue: true, toStay: `item ${poll % 2}` });
      decision = decide(decision.state, other, 5000);
    }
  });

  it('a poll job ends after ten errors that nobody foresaw', () => {
    const often = { ...fresh, unexpectedErrors: MAX_UNEXPECTED_ERRORS };
    expect(decide(often, events['unexpected error'], 5000)).toMatchObject({
      next: 'end',
      result: { status: 'rejected', reason: REASON },
    });
  });

  it('a poll job that had ended and runs again polls once more, fully, under a new deadline', () => {
    const worn = { ...decide(fresh, events['not found'], 5000).state, unexpectedErrors: 3 };
    const job = { attemptsMade: 1, stalledCounter: 2 };
    const state = enterPoll(worn, job, 7000);
    expect(state).toMatchObject({
      startedAtAttempt: 1,
      stallsBefore: 2,
      unexpectedErrors: 0,
      notFoundSince: null,
      finalCheck: { startedAt: 7000 },
    });
    expect(isLastPoll(state, deadlines)).toBe(true);
    expect(enterPoll(state, job, 1)).toBe(state);
  });
});

it('a poll that its own process turned away comes back sooner than after an error of Atlas: others may be luckier', () => {
  const now = BATCH_ENDS_AT - 16_000;
  const delayOf = (turnedAway: boolean) => {
    const event = { ...events['transient error'], retryAfterMs: 10_000, turnedAway };
    return (decide(fresh, event, now).state.nextPollAt ?? 0) - now;
  };
  expect([false, true].map(delayOf)).toEqual([10_000, 2000]);
});
