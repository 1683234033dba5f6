/** What follows from a poll: the job sleeps, stores what was read, or ends. Pure. */
import type { Reason } from '../../errors.js';
import {
  indexesOf,
  type PollData,
  type PollResult,
  type PollState,
} from '../../jobs/state/poll-state.js';
import type { PollDeadlines } from './next-poll.js';

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

export function sleep(state: PollState, nextPollAt: number, line: string): PollDecision {
  return { next: 'sleep', state: { ...state, nextPollAt }, line };
}

/** Nothing was learnt: all documents count as missing, but those in a result that was stored before. */
export function giveUp(
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

export function end(state: PollState, result: PollResult): PollDecision {
  return { next: 'end', state: { ...state, nextPollAt: null }, result };
}

export function longerStreak({ errorStreak }: PollState, reason: Reason) {
  return { count: (errorStreak?.count ?? 0) + 1, reason };
}

/** Atlas has answered: neither errors nor 404s are in a row any more. */
export function calm(state: PollState): PollState {
  const { errorStreak: _, unreadablePages: __, ...rest } = state;
  return { ...rest, notFoundSince: null };
}
