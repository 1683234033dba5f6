/**
 * Every step of a poll job, as pure functions: what each event of a poll leads to. Nothing else
 * changes the state of a poll job.
 */
import type { Reason } from '../../errors.js';
import {
  indexesOf,
  KEPT_POLLS,
  type PollData,
  type PollResult,
  type PollState,
} from '../../jobs/poll-state.js';
import { describeError, MAX_UNEXPECTED_ERRORS, returnMs } from '../runtime/backoff.js';
import { describePoll, type PollDeadlines } from './next-poll.js';
import type { PollEvent, PollReading } from './poll-event.js';

/** A 404 that lasts this long without a break, and beyond the upload's share, is a refusal. */
export const NOT_FOUND_TIMEOUT_MS = 120_000;
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
/** A page that cannot be read in so many polls in a row may have a bad extract: a smaller one is asked for. */
const LASTING_POLLS = 2;

/**
 * A poll that finds no room in memory is a worker's concern and not Atlas's: the deadline does not end it
 * at once. Whoever has the room gives it back, after some minutes at worst.
 */
export const MEMORY_TIMEOUT_MS = 600_000;
/** Until it asks again: soon, and tens of such polls cost nothing. */
const MEMORY_WAIT_MS = 1000;

export type PollDecision =
  | { next: 'sleep'; state: PollState; line: string }
  | { next: 'store'; state: PollState }
  | { next: 'end'; state: PollState; result: PollResult };

export interface PollFacts {
  data: PollData;
  now: number;
  deadlines: PollDeadlines;
  /** The whole deadline, for a run after the first. */
  deadlineMs: number;
  /** Delay until the next poll, as the policy wants it. */
  nextPollMs: (state: PollState) => number;
  retryMs: (count: number, retryAfterMs: number) => number;
}

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
  const most = reading.failing ? MAX_FAILING_POLLS : MAX_OVERDUE_POLLS;
  const complete = reading.complete || overdue >= most;
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
  { present, ...kept }: Pick<PollResult, 'present' | 'missing' | 'unexpected' | 'unreadable'>,
): PollState {
  return { ...before, stored: present, present, kept };
}

function afterStoring(
  before: PollState,
  { present, missing, unexpected, unreadable }: Extract<PollEvent, { kind: 'stored' }>,
  { now }: PollFacts,
): PollDecision {
  const state = afterKeeping(before, { present, missing, unexpected, unreadable });
  const status = present === state.total ? 'complete' : 'incomplete';
  const { polls } = state;
  const counts = { missing, present, unexpected, unreadable, polls };
  return end(state, { status, ...counts, stored: true, endedAt: now });
}

/** Polls in a row before this one that announced the same total. */
export function stayingPolls(before: PollState['seen'], announced: number | null): number {
  return announced === null || announced !== before.announced ? 0 : (before.stays ?? 0) + 1;
}

/** Not yet. Documents are never sent again for it while their share of the deadline lasts. */
function afterNotFound(before: PollState, reason: Reason, facts: PollFacts): PollDecision {
  const { deadlines, now } = facts;
  const notFoundSince = before.notFoundSince ?? now;
  const state = { ...calm(before), polls: before.polls + 1, notFoundSince };
  const waitedFor = Math.max(notFoundSince + NOT_FOUND_TIMEOUT_MS, deadlines.share);
  const leftMs = Math.min(waitedFor, deadlines.batch) - now;
  if (leftMs <= 0 || state.finalCheck) return giveUp('rejected', state, reason, facts);
  // No poll is planned past the share: beyond it 404s are asked again like errors.
  const isPlanned = now < deadlines.share;
  const wantedMs = isPlanned ? facts.nextPollMs(state) : facts.retryMs(state.polls, 0);
  const delayMs = Math.min(leftMs, wantedMs);
  return sleep(state, now + delayMs, `poll ${state.polls}: ${reason.message}`);
}

/** No error, unless there were some before: the deadline tells of those. */
function afterNoRoom(
  state: PollState,
  { reason, retryAfterMs }: Extract<PollEvent, { kind: 'no-room' }>,
  facts: PollFacts,
): PollDecision {
  if (isTooLate(state, facts)) {
    return giveUp('rejected', state, state.errorStreak?.reason ?? reason, facts);
  }
  return sleep(state, facts.now + untilDeadline(state, facts, retryAfterMs), '');
}

/**
 * Asked again at once for half as many; where something else may be wrong than the page, when it lasts, and not
 * beyond the deadline.
 */
function afterUnreadablePage(
  state: PollState,
  event: Extract<PollEvent, { kind: 'page-unreadable' }>,
  facts: PollFacts,
): PollDecision {
  const { reason, perPage, halve } = event;
  const unreadablePages = (state.unreadablePages ?? 0) + 1;
  const lasts =
    halve === 'at-once' || (unreadablePages >= LASTING_POLLS && !isTooLate(state, facts));
  if (!lasts || state.perPage === 1) {
    return afterTransientError({ ...state, unreadablePages }, event, facts);
  }
  const half = Math.max(1, Math.floor(perPage / 2));
  const line = `${reason.message}; asked again with ${half} instead of ${perPage} on a page`;
  return sleep({ ...calm(state), perPage: half }, facts.now, line);
}

/** No error: it polls again as soon as there may be room. */
function afterNoMemory(state: PollState, wantedBytes: number, facts: PollFacts): PollDecision {
  const { now, data } = facts;
  if (now >= lastDeadline(state, facts) + MEMORY_TIMEOUT_MS) {
    const message = `other large lists took the memory of the workers for which that of ${data.atlasBatchId} waited, until the deadline`;
    return giveUp('rejected', state, { code: 'INTERNAL', message }, facts);
  }
  const isFirst = state.wantedBytes === undefined;
  const line = isFirst ? 'its list of extracts is large, and waits for memory of a worker' : '';
  return sleep({ ...state, wantedBytes }, now + facts.retryMs(1, MEMORY_WAIT_MS), line);
}

function afterTransientError(
  before: PollState,
  {
    reason,
    retryAfterMs,
    turnedAway = false,
  }: { reason: Reason; retryAfterMs: number; turnedAway?: boolean },
  facts: PollFacts,
): PollDecision {
  // Whatever came, it was no 404.
  const state = { ...before, notFoundSince: null };
  if (isTooLate(state, facts)) return giveUp('rejected', state, reason, facts);
  const { now } = facts;
  const errorStreak = longerStreak(state, reason);
  const { count } = errorStreak;
  const leftMs = lastDeadline(state, facts) - now;
  const wantedMs = facts.retryMs(count, retryAfterMs);
  const delayMs = Math.min(leftMs, turnedAway ? returnMs(wantedMs, leftMs) : wantedMs);
  const line = describeError(count, reason, delayMs);
  return sleep({ ...state, errorStreak }, now + delayMs, line);
}

function afterUnexpectedError(before: PollState, reason: Reason, facts: PollFacts): PollDecision {
  const count = before.unexpectedErrors + 1;
  const state = { ...before, unexpectedErrors: count };
  if (count > MAX_UNEXPECTED_ERRORS) return giveUp('rejected', state, reason, facts);
  const delayMs = facts.retryMs(count, 0);
  return sleep(state, facts.now + delayMs, describeError(count, reason, delayMs));
}

/** Errors are survived until here. */
function lastDeadline({ finalCheck }: PollState, facts: PollFacts): number {
  return finalCheck ? finalCheck.startedAt + facts.deadlineMs : facts.deadlines.batch;
}

/** A delay, or until the deadline where that comes first. */
function untilDeadline(state: PollState, facts: PollFacts, delayMs: number): number {
  return Math.min(lastDeadline(state, facts) - facts.now, delayMs);
}

function isTooLate(state: PollState, facts: PollFacts): boolean {
  return facts.now >= lastDeadline(state, facts);
}

function sleep(state: PollState, nextPollAt: number, line: string): PollDecision {
  return { next: 'sleep', state: { ...state, nextPollAt }, line };
}

/** Nothing was learnt: all documents count as missing, but those in a result that was stored before. */
function giveUp(
  status: 'cancelled' | 'rejected',
  state: PollState,
  reason: Reason,
  { data, now }: PollFacts,
): PollDecision {
  const { polls, kept } = state;
  const counts = kept
    ? { present: state.stored, ...kept }
    : { present: 0, missing: indexesOf(data), unexpected: 0, unreadable: 0 };
  const stored = kept !== undefined;
  return end(state, { status, ...counts, stored, polls, endedAt: now, reason });
}

function end(state: PollState, result: PollResult): PollDecision {
  return { next: 'end', state: { ...state, nextPollAt: null }, result };
}

function longerStreak({ errorStreak }: PollState, reason: Reason) {
  return { count: (errorStreak?.count ?? 0) + 1, reason };
}

/** Atlas has answered: neither errors nor 404s are in a row any more. */
function calm(state: PollState): PollState {
  const { errorStreak: _, unreadablePages: __, ...rest } = state;
  return { ...rest, notFoundSince: null };
}
