/**
 * The state of a batch: what the `batch` job knows about itself, kept in the job's progress and
 * written by the batch processor alone, under the job's lock.
 */
import type { Reason } from '../../errors.js';
import { isObject } from '../../json.js';
import { fromRanges, type IndexRanges } from '../index-ranges.js';
import type { LostEntries } from './lost-entries.js';
import type { PollResult } from './poll-state.js';
import { fromStored } from './stored-state.js';

/** What an upload is from its plan to its end. */
interface UploadPlan {
  round: number;
  /** Indexes into the documents of the request. */
  documentIndexes: IndexRanges;
  /** Whether document ids travel as `<reference>/<documentId>`. */
  scoped: boolean;
  /** Times it was sent again because nobody knew whether Atlas had taken it. */
  resubmissions: number;
  /** The run that planned it, from 1, where an operator has retried the batch before. */
  run?: number;
  /** An earlier run has sent some of its documents, and nobody knows whether Atlas took them. */
  mayBeAtAtlas?: true;
}

/** Not yet sent, or surely not taken, or to be sent again. */
export interface PlannedUpload extends UploadPlan {
  state: 'planned';
  /** Where it stood in line before an error made it leave; 0 for the half of one that has had its turn. */
  startTag?: number;
}

/**
 * Bytes of the POST may be on their way. Only its sender knows what became of it, and says so here or
 * in a receipt.
 */
export interface SendingUpload extends UploadPlan {
  state: 'sending';
  /** Names this attempt to send, and its receipt. */
  nonce: string;
  /** Id of the heartbeat of the worker that sends. */
  sender: string;
  /** When it was to go out, Redis time in ms. */
  startedAt: number;
  /** An operator has retried the batch since, and wants it sent again when nobody knows what became of it. */
  consented?: true;
}

interface AcceptedUpload extends UploadPlan {
  atlasBatchId: string;
  sentAt: number;
  /** How many times the poll job has to have finished before its result is news. */
  expectedPollRuns: number;
}

/** Atlas answered with a `batch_id`. */
export interface SentUpload extends AcceptedUpload {
  state: 'sent';
  /** Of an earlier run: it stays until a newer one says more. */
  result: PollResult | null;
}

/** Its poll job has a result. */
export interface EndedUpload extends AcceptedUpload {
  state: 'ended';
  result: PollResult;
}

/** Atlas or the deadline said no, or its `batch_id` belongs to another batch. */
export interface RefusedUpload extends UploadPlan {
  state: 'refused';
  reason: Reason;
  /** Of another batch; null when Atlas gave none. */
  atlasBatchId: string | null;
  result: PollResult | null;
}

/** One call of multiupload. ARCHITECTURE.md draws the steps between its states. */
export type Upload = PlannedUpload | SendingUpload | SentUpload | EndedUpload | RefusedUpload;
export type UploadState = Upload['state'];

export function atlasBatchIdOf(upload: Upload): string | null {
  return 'atlasBatchId' in upload ? upload.atlasBatchId : null;
}

/** The latest result that its poll job brought. */
export function resultOf(upload: Upload): PollResult | null {
  return 'result' in upload ? upload.result : null;
}

/** Those that have ended, and of whose documents some have no extract in any upload. */
export function uploadsStillMissing({ uploads }: Pick<BatchState, 'uploads'>): EndedUpload[] {
  const present = new Set<number>();
  for (const upload of uploads) {
    const missing = new Set(fromRanges(resultOf(upload)?.missing ?? upload.documentIndexes));
    for (const index of fromRanges(upload.documentIndexes))
      if (!missing.has(index)) present.add(index);
  }
  return uploads.filter(
    (upload) =>
      upload.state === 'ended' &&
      fromRanges(upload.documentIndexes).some((index) => !present.has(index)),
  ) as EndedUpload[];
}

/** How the batch ended. Saved before anything is told to anyone. */
export interface BatchOutcome {
  status: 'completed' | 'failed';
  reason?: Reason;
  /** What handlers tell events by. */
  eventId: string;
  /** The job of the event. */
  eventJobId: string;
  /** `attemptsMade` of the run that ended: a greater one on entry is an operator's retry. */
  attemptsMade: number;
  endedAt: number;
  /** `s3://` URI under which the results of this batch lie, for whoever reads them later. */
  resultsRoot: string;
  /** It is of a run that took over documents that had come late. */
  late?: true;
  /** The event has been added: its consumer may have taken and removed it. */
  announced: boolean;
}

export interface BatchState {
  v: 1;
  /** `attemptsMade` when this run began: 0, or more after an operator's retry. */
  startedAtAttempt: number;
  /** `stalledCounter` when this run began. */
  stallsBefore: number;
  /** Entries of this run whose lock ran out, once there was one. */
  lost?: LostEntries;
  /** When a worker first took it in this run, Redis time in ms. The deadline counts from here. */
  startedAt: number;
  /** Rounds begun in this run: the first sends everything, each later one what is missing. */
  round: number;
  /** Outcomes before this run: the next event is at least this one plus one. */
  outcomes: number;
  uploads: Upload[];
  /**
   * Documents of the next round whose objects can be fetched, where S3 failed before all were checked:
   * the next pass begins with the others. Gone when the round begins.
   */
  checked?: IndexRanges;
  /** The round's objects were not checked yet: that waits until its first upload is admitted. */
  unchecked?: true;
  /** How long the deadline has stood still in this run, in ms, because an upload waited in line. */
  stoodMs?: number;
  /** How much more time the batch was given in this run, in ms, as far as it was asked. */
  extendedMs?: number;
  /** Since when it stands still, Redis time in ms: an upload waits in line, and the job sleeps. */
  inLineSince?: number;
  /** How long nobody could send then, in all, in ms: by what comes to that since, the deadline goes on. */
  outageBefore?: number;
  /** Documents that earlier runs have sent, without knowing whether Atlas took them. */
  unknownIndexes?: IndexRanges;
  /** Documents that Atlas took or may have taken, over all runs, repeats included. */
  documentsSent?: number;
  /** When the first upload of all was sent. */
  submittedAt?: number;
  /** Transient errors in a row, for the back-off; cleared by success. */
  errorStreak?: { count: number; reason: Reason };
  /** Since when missing documents are awaited after the end, Redis time in ms. */
  lateSince?: number;
  /** This run takes over documents that have come late, and sends nothing. */
  late?: true;
  /** Errors that nobody foresaw, over the whole run. */
  unexpectedErrors: number;
  outcome?: BatchOutcome;
}

/** What a job's progress holds on entry. */
export type StoredState<T> =
  | { kind: 'new' }
  | { kind: 'known'; state: T }
  /** Written by a newer version: give the job back, a newer worker will take it. */
  | { kind: 'newer' };

/** Reads the progress of a job. BullMQ's own default is the number 0. */
export function readState<T extends { v: 1 }>(progress: unknown): StoredState<T> {
  if (!isObject(progress)) return { kind: 'new' };
  if (progress.v !== 1) return { kind: 'newer' };
  return { kind: 'known', state: fromStored(progress) as T };
}

/** State of a batch of which nothing was saved yet: every stall so far is one of this run. */
export function newBatchState(attemptsMade: number, now: number): BatchState {
  return {
    v: 1,
    startedAtAttempt: attemptsMade,
    stallsBefore: 0,
    startedAt: now,
    round: 0,
    outcomes: 0,
    uploads: [],
    unexpectedErrors: 0,
  };
}
