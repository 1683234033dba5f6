/**
 * Every step of a poll job, as pure functions: what each event of a poll leads to; those of errors are in
 * error-transitions.ts. Nothing else changes the state of a poll job.
 */
import type { Reason } from '../../errors.js';
import { stayingPolls } from '../../extracts/completeness.js';
import { KEPT_POLLS, type PollResult, type PollState } from '../../jobs/state/poll-state.js';
import {
  afterNoMemory,
  afterNoRoom,
  afterNotFound,
  afterOwnFault,
  afterTransientError,
  afterUnexpectedError,
  afterUnreadablePage,
} from './error-transitions.js';
import { describePoll, type PollDeadlines } from './next-poll.js';
import {
  calm,
  end,
  giveUp,
  longerStreak,
  type PollDecision,
  type PollFacts,
  sleep,
} from './poll-decision.js';
import type { PollEvent, PollReading } from './poll-event.js';

/**
 * Every document is there and the list was read to its end, but Atlas announces more, or sends an item
 * that nobody can read: the upload is complete at this poll in a row. A list that lags behind its total
 * catches up within seconds, and so does an item that was not ready; a total that counts something
 * else never does.
 */
export const MAX_OVERDUE_POLLS = 4;

/**
 * The same where a single extract is not given at all. It fails at random with an Atlas that fails often: of
 * one that fails three requests in ten, so many polls in a row lose an extract once in ten thousand.
 */
export const MAX_FAILING_POLLS = 8;
/** A list that has the same repeats at the next poll has them for good: one in no fixed order has others. */
const MAX_REPEATING_POLLS = 2;

/** A job that had ended and was made pending again polls once more, fully, under a new deadline. */
export function enterPoll(
  state: PollState,
  { attemptsMade, stalledCounter }: { attemptsMade: number; stalledCounter: number },
  startedAt: number,
): PollState {
  if (attemptsMade <= state.startedAtAttempt) return state;
  const again = { ...state, startedAtAttempt: attemptsMade, stallsBefore: stalledCounter };
  delete again.lost;
  return { ...calm(again), unexpectedErrors: 0, finalCheck: { startedAt } };
}

export function beginPoll(state: PollState, at: number): PollState {
  return { ...state, lastPollAt: at };
}

/** The last poll of its run reads everything, and what it reads is stored as it is. */
export function isLastPoll(
  { finalCheck, lastPollAt }: PollState,
  { share }: PollDeadlines,
): boolean {
  return finalCheck !== undefined || (lastPollAt ?? 0) >= share;
}

/** Workers died over it: what delays it is said like an error. */
export function waitOverDeaths(state: PollState, reason: Reason, nextPollAt: number): PollState {
  return { ...state, errorStreak: longerStreak(state, reason), nextPollAt };
}

export function afterPoll(state: PollState, event: PollEvent, facts: PollFacts): PollDecision {
  switch (event.kind) {
    case 'cancelled':
      return giveUp('cancelled', state, event.reason, facts);
    case 'deadly':
      return giveUp('rejected', state, event.reason, facts);
    case 'read':
      return afterReading(state, event.reading, facts);
    case 'stored':
      return afterStoring(state, event, facts);
    case 'not-found':
      return afterNotFound(state, event.reason, facts);
    case 'page-unreadable':
      return afterUnreadablePage(state, event, facts);
    case 'no-room':
      return afterNoRoom(state, event, facts);
    case 'no-memory':
      return afterNoMemory(state, event.wantedBytes, facts);
    case 'transient-error': {
      const { unreadablePages: _, ...rest } = state;
      return afterTransientError(rest, event, facts);
    }
    case 'own-fault':
      return afterOwnFault(state, event, facts);
    case 'unexpected-error':
      return afterUnexpectedError(state, event.reason, facts);
  }
}

/** A later poll that finds fewer documents never replaces a richer result. */
function afterReading(before: PollState, reading: PollReading, facts: PollFacts): PollDecision {
  const { data, now } = facts;
  const { found, announced, present } = reading;
  const { overdue: _, ...rest } = calm(before);
  const overdue = overduePolls(before, reading);
  const polls = before.polls + 1;
  const state = {
    ...rest,
    polls,
    ...(overdue > 0 && { overdue: { polls: overdue, toStay: reading.toStay } }),
  };
  const complete = reading.complete || overdue >= believedAfter(reading);
  if (found && (complete || isLastPoll(state, facts.deadlines))) {
    if (found.present >= state.stored) return { next: 'store', state };
    const message = `Atlas has fewer documents of ${data.atlasBatchId} than before; the stored result was kept`;
    return giveUp('rejected', state, { code: 'ATLAS_PROTOCOL', message }, facts);
  }
  const known = found ? { extracts: found.extractCount, present } : state.seen;
  const elapsedMs = (state.lastPollAt ?? now) - data.sentAt;
  const negativePolls = [...state.negativePolls, [elapsedMs, present] as [number, number]];
  const negative: PollState = {
    ...state,
    present,
    seen: { ...known, announced, stays: stayingPolls(before.seen, announced) },
    negativePolls: negativePolls.slice(-KEPT_POLLS),
  };
  const leftMs = Math.max(0, facts.deadlines.share - now);
  const delayMs =
    overdue > 0 ? Math.min(leftMs, facts.retryMs(overdue, 0)) : facts.nextPollMs(negative);
  const nextPollAt = now + delayMs;
  return sleep(negative, nextPollAt, describePoll({ ...negative, nextPollAt }, now));
}

/** So many polls in a row have to read an overdue list alike. */
function believedAfter({ failing, filledUp }: PollReading): number {
  if (failing) return MAX_FAILING_POLLS;
  return filledUp ? MAX_REPEATING_POLLS : MAX_OVERDUE_POLLS;
}

/**
 * This poll and those before it that came to the same. What one poll can read and another cannot is not
 * lost: it is waited for.
 */
function overduePolls({ overdue, seen }: PollState, reading: PollReading): number {
  if (!reading.overdue) return 0;
  const { found, toStay } = reading;
  const isSame =
    overdue?.toStay === toStay && (found === null || found.extractCount === seen.extracts);
  return isSame ? overdue.polls + 1 : 1;
}

/** A result was stored. */
export function afterKeeping(
  before: PollState,
  {
    present,
    ...kept
  }: Pick<PollResult, 'present' | 'missing' | 'unexpected' | 'unreadable' | 'root'>,
): PollState {
  return { ...before, stored: present, present, kept };
}

function afterStoring(
  before: PollState,
  { kind: _, ...counts }: Extract<PollEvent, { kind: 'stored' }>,
  { now }: PollFacts,
): PollDecision {
  const state = afterKeeping(before, counts);
  const { polls, total } = state;
  const status = counts.present === total ? 'complete' : 'incomplete';
  return end(state, { status, ...counts, polls, stored: true, endedAt: now });
}
