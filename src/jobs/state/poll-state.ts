/** The `poll` job: one per Atlas batch, polling again and again until it has a result. */
import type { Reason } from '../../errors.js';
import { type IndexRanges, toRanges } from '../index-ranges.js';
import type { LostEntries } from './lost-entries.js';

/** Data of a `poll` job. Never rewritten. */
export interface PollData {
  v: 1;
  reference: string;
  atlasBatchId: string;
  productType: string;
  /** The callers' ids of the upload's documents, in the order of the batch. */
  documentIds: string[];
  /** The same documents as indexes into the batch; absent where they are its first ones, in order. */
  documentIndexes?: IndexRanges;
  scoped?: boolean;
  /** `timestamp` of the batch job, which a request to cancel must name. */
  batchTimestamp: number;
  /** Redis time in ms. */
  sentAt: number;
  /** When the batch's run began, Redis time in ms, and later by what its deadline stood: it counts from here. */
  batchStartedAt: number;
  /** What the upload is in the gate, which its result releases; absent where there was no gate. */
  gateMember?: string;
  /** Rounds that may follow: what is left of the deadline is shared with them. */
  roundsAfter: number;
}

/** The documents of a poll job as indexes into the batch. */
export function indexesOf({
  documentIndexes,
  documentIds,
}: Pick<PollData, 'documentIndexes' | 'documentIds'>): IndexRanges {
  return documentIndexes ?? toRanges([...documentIds.keys()]);
}

/** Progress of a `poll` job, written by the poll processor alone, under the job's lock. */
export interface PollState {
  v: 1;
  /** `attemptsMade` when this run began; a greater one on entry asks for one more full poll. */
  startedAtAttempt: number;
  /** `stalledCounter` when this run began. */
  stallsBefore: number;
  /** Entries of this run whose lock ran out, once there was one. */
  lost?: LostEntries;
  /** Set in a run after the first: one full poll, however it turns out, and since when. */
  finalCheck?: { startedAt: number };
  polls: number;
  present: number;
  total: number;
  lastPollAt: number | null;
  nextPollAt: number | null;
  /** Negative polls as `[ms since sent, present]`, the latest {@link KEPT_POLLS}. */
  negativePolls: [number, number][];
  seen: {
    /** Extracts that the last full poll read, and the documents that they are of. */
    extracts: number;
    present: number;
    /** What Atlas announced at the last poll; null before the first, or when it announces nothing. */
    announced: number | null;
    /** Polls in a row before that which had announced the same. */
    stays?: number;
  };
  /** Since when Atlas has answered 404 without a break. */
  notFoundSince: number | null;
  /** Extracts asked for at once, where a larger page was too large or could not be read. */
  perPage?: number;
  /** Polls in a row of which a page could not be read. */
  unreadablePages?: number;
  /** What an earlier poll found no room for in memory; it is asked for before the next one reads. */
  wantedBytes?: number;
  /** Polls in a row that read all that can be read, while Atlas announces more or repeats itself, and what stayed. */
  overdue?: { polls: number; toStay: string };
  /** Transient errors in a row, for the back-off. */
  errorStreak?: { count: number; reason: Reason };
  unexpectedErrors: number;
  /** Documents present in the stored result, so that a later, poorer poll never replaces it. */
  stored: number;
  /** What else the stored result has. */
  kept?: Pick<PollResult, 'missing' | 'unexpected' | 'unreadable' | 'root'>;
}

/** Enough to learn how progress foretells completion, small enough to save at every poll. */
export const KEPT_POLLS = 16;

/**
 * How a poll ended; the return value of a `poll` job.
 * `complete` every document has an extract; `incomplete` the deadline came first; `cancelled` an
 * operator or the caller stopped it; `rejected` Atlas does not know the batch, or nothing more could
 * be learnt of it: what an earlier poll had read is stored, where that is remembered, and other
 * documents count as missing.
 */
export interface PollResult {
  status: 'complete' | 'incomplete' | 'cancelled' | 'rejected';
  /** Indexes into the documents of the batch that have no extract. */
  missing: IndexRanges;
  present: number;
  unexpected: number;
  unreadable: number;
  polls: number;
  /** A results object was stored. */
  stored: boolean;
  /** What its `s3://` URI begins with, by the worker that stored it. Absent in results of older workers. */
  root?: string;
  /**
   * When this was decided, Redis time in ms as the worker that polled knows it. What the deadline
   * decided there, the batch does not decide again by another clock.
   */
  endedAt: number;
  reason?: Reason;
}

/** State of a poll job of which nothing was saved yet: every stall so far is one of this run. */
export function newPollState(attemptsMade: number, total: number): PollState {
  return {
    v: 1,
    startedAtAttempt: attemptsMade,
    stallsBefore: 0,
    polls: 0,
    present: 0,
    total,
    lastPollAt: null,
    nextPollAt: null,
    negativePolls: [],
    seen: { extracts: 0, present: 0, announced: null },
    notFoundSince: null,
    unexpectedErrors: 0,
    stored: 0,
  };
}
