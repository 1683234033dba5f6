/** What may come of a poll. `transitions.ts` says what follows from it. */
import type { Reason } from '../../errors.js';
import type { PollResult } from '../../jobs/state/poll-state.js';

/** What a poll read of the extracts. */
export interface PollReading {
  complete: boolean;
  /** Nothing is missing and nothing more can be read, but Atlas announces more, repeats some, or sends what nobody can read. */
  overdue: boolean;
  /**
   * A digest of what has to stay as it is for an overdue list to be believed: the items that nobody could
   * read, and where some are repeated, or without a total, all extracts in their order. Empty when nothing has to.
   */
  toStay: string;
  /** As many as Atlas announced were read, but only with those that it repeats. */
  filledUp: boolean;
  /** Of some of them there was no response, or an error, which may pass. */
  failing: boolean;
  /** Documents present; of a count request an upper bound, since extracts are what Atlas counts. */
  present: number;
  /** Items that Atlas announced; null when it announces nothing. */
  announced: number | null;
  /** What was read; null when a count request was enough. */
  found: { extractCount: number; present: number } | null;
}

export type PollEvent =
  | { kind: 'cancelled'; reason: Reason }
  /** Workers died too often while they polled. */
  | { kind: 'deadly'; reason: Reason }
  | { kind: 'read'; reading: PollReading }
  /** The result object was written. */
  | ({ kind: 'stored' } & Pick<
      PollResult,
      'present' | 'missing' | 'unexpected' | 'unreadable' | 'root'
    >)
  | { kind: 'not-found'; reason: Reason }
  /** Of a page of `perPage` extracts: it is too large, or when it lasts one of them may be bad. */
  | {
      kind: 'page-unreadable';
      halve: 'at-once' | 'when-it-lasts';
      reason: Reason;
      perPage: number;
      retryAfterMs: number;
    }
  /** No error: the budget has no room before `retryAfterMs`. */
  | { kind: 'no-room'; reason: Reason; retryAfterMs: number }
  /** Other polls of the worker have the memory that this one wanted. */
  | { kind: 'no-memory'; wantedBytes: number }
  /** `turnedAway`: by this process, which does not say what another one may come to. */
  | { kind: 'transient-error'; reason: Reason; retryAfterMs: number; turnedAway?: boolean }
  /** This process cannot do it, for how it is configured; another one may. */
  | { kind: 'own-fault'; reason: Reason; retryAfterMs: number }
  | { kind: 'unexpected-error'; reason: Reason };
