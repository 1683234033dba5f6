/** The steps of a poll that read nothing: what 404s, pages that cannot be read, want of room, and errors lead to. Pure. */
import type { Reason } from '../../errors.js';
import type { PollState } from '../../jobs/state/poll-state.js';
import { describeError, MAX_UNEXPECTED_ERRORS, returnMs } from '../runtime/backoff.js';
import {
  calm,
  giveUp,
  longerStreak,
  type PollDecision,
  type PollFacts,
  sleep,
} from './poll-decision.js';
import type { PollEvent } from './poll-event.js';

/** A 404 that lasts this long without a break, and beyond the upload's share, is a refusal. */
export const NOT_FOUND_TIMEOUT_MS = 120_000;

/** A page that cannot be read in so many polls in a row may have a bad extract: a smaller one is asked for. */
const LASTING_POLLS = 2;

/**
 * A poll that finds no room in memory is a worker's concern and not Atlas's: the deadline does not end it
 * at once. Whoever has the room gives it back, after some minutes at worst.
 */
export const MEMORY_TIMEOUT_MS = 600_000;
/** Until it asks again: soon, and tens of such polls cost nothing. */
const MEMORY_WAIT_MS = 1000;

/** For what this process cannot do, and another one at once: a worker that is well comes by before. */
export const HANDOVER_MS = 60_000;

/** Not yet. Documents are never sent again for it while their share of the deadline lasts. */
export function afterNotFound(before: PollState, reason: Reason, facts: PollFacts): PollDecision {
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
export function afterNoRoom(
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
export function afterUnreadablePage(
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
export function afterNoMemory(
  state: PollState,
  wantedBytes: number,
  facts: PollFacts,
): PollDecision {
  const { now, data } = facts;
  if (now >= lastDeadline(state, facts) + MEMORY_TIMEOUT_MS) {
    const message = `other large lists took the memory of the workers for which that of ${data.atlasBatchId} waited, until the deadline`;
    return giveUp('rejected', state, { code: 'INTERNAL', message }, facts);
  }
  const isFirst = state.wantedBytes === undefined;
  const line = isFirst ? 'its list of extracts is large, and waits for memory of a worker' : '';
  return sleep({ ...state, wantedBytes }, now + facts.retryMs(1, MEMORY_WAIT_MS), line);
}

export function afterTransientError(
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

/** An error as others are, but that the deadline does not end the job at once: others get it for a moment. */
export function afterOwnFault(
  before: PollState,
  event: Extract<PollEvent, { kind: 'own-fault' }>,
  facts: PollFacts,
): PollDecision {
  const isGrace = isTooLate(before, facts) && facts.now < lastDeadline(before, facts) + HANDOVER_MS;
  if (!isGrace) return afterTransientError(before, event, facts);
  const errorStreak = longerStreak(before, event.reason);
  const delayMs = facts.retryMs(1, 0);
  const line = describeError(errorStreak.count, event.reason, delayMs);
  return sleep({ ...before, notFoundSince: null, errorStreak }, facts.now + delayMs, line);
}

export function afterUnexpectedError(
  before: PollState,
  reason: Reason,
  facts: PollFacts,
): PollDecision {
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
