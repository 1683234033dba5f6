/**
 * The `watch` job: awaits the documents of a batch that has ended `INCOMPLETE`. It polls now and then, and
 * when it finds more, has the batch take that over.
 */
import type { LostEntries } from './lost-entries.js';

/** Data of a `watch` job. Never rewritten. */
export interface WatchData {
  v: 1;
  reference: string;
  /** `timestamp` of the batch job. */
  batchTimestamp: number;
  /** Since when it awaits them, Redis time in ms, as the state of the batch has it. */
  since: number;
}

/** Progress of a `watch` job, written by its step alone, under the job's lock. */
export interface WatchState {
  v: 1;
  /** When it last polled, Redis time in ms; null before that. */
  polledAt: number | null;
  /** Transient errors in a row, for the back-off. */
  failures: number;
  /** Of another run there are none. */
  stallsBefore: 0;
  /** Entries whose lock ran out, once there was one. */
  lost?: LostEntries;
}

export function newWatchState(): WatchState {
  return { v: 1, polledAt: null, failures: 0, stallsBefore: 0 };
}

/** Shares of the time at which it polls: often while documents are likely, and at the end. */
const SHARES = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];

/** When it polls next, Redis time in ms; null when it has polled for the last time. */
export function nextWatchAt(since: number, forMs: number, polledAt: number | null): number | null {
  const times = SHARES.map((share) => since + Math.round(share * forMs));
  return times.find((at) => at > (polledAt ?? 0)) ?? null;
}
