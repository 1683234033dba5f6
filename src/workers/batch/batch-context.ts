/** What one entry of a batch job carries from function to function. */
import { LockLostError } from '../../errors.js';
import type { Admission } from '../../gate/gate.js';
import type { BatchRequest } from '../../jobs/request/request.js';
import {
  type BatchState,
  resultOf,
  type Upload,
  type UploadState,
} from '../../jobs/state/batch-state.js';
import type { WorkerContext } from '../context.js';
import type { StepEntry, StepResult } from '../runtime/run-step.js';
import { type Flags, readFlags } from '../runtime/signals.js';

/** A job of the `atlas-batches` queue, valid or not. */
export interface BatchEntry extends StepEntry<unknown, BatchState> {
  context: WorkerContext;
  /** All places of the worker are busy: nothing of the batch is sent now, and it enters the line. */
  onlyEnters: boolean;
  /** Null when the job's data is no valid request. */
  request: BatchRequest | null;
  /** What may be repeated of an invalid job. */
  reference: string | null;
  firstEventJobId: string;
}

/** A valid one. */
export interface BatchContext extends BatchEntry {
  request: BatchRequest;
  /**
   * By the index of an upload, the adding of its poll job in this entry: the job is
   * pending, and known without asking.
   */
  addedPolls: Map<number, Promise<void>>;
  /** What the gate said last; undefined where none is on. */
  admission?: Omit<Admission, 'members'>;
}

/** The batch sleeps, over an error or in line. */
export type Sleep = Extract<StepResult<never>, { kind: 'sleep' | 'save-and-sleep' }>;

/** When the batch has to have ended, Redis time in ms, as far as is known without asking. */
export function deadlineOf(entry: BatchContext): number {
  return clockStart(entry.state) + deadlineMsOf(entry);
}

/** How long the batch may take: as configured, and what it was given beyond. */
export function deadlineMsOf({ state, context }: BatchContext): number {
  return context.config.BATCH_DEADLINE_MS + (state.extendedMs ?? 0);
}

/** What the deadline counts from: the start of the run, and later by as long as it stood. */
export function clockStart({ startedAt, stoodMs = 0 }: BatchState): number {
  return startedAt + stoodMs;
}

/**
 * Whether it is by our clock, or was by that of a worker whose poll ended then. The batch that such a
 * poll wakes may be some milliseconds early by ours, and must not begin another round. Whether the batch
 * was given more time is asked only when it matters.
 */
export async function isPastDeadline(entry: BatchContext): Promise<boolean> {
  const ends = entry.state.uploads.map((upload) => resultOf(upload)?.endedAt ?? 0);
  const isPast = () => Math.max(entry.context.clock.now(), ...ends) >= deadlineOf(entry);
  if (!isPast()) return false;
  const { extendedMs } = await flagsOf(entry);
  if (extendedMs === (entry.state.extendedMs ?? 0)) return true;
  entry.state = { ...entry.state, extendedMs };
  return isPast();
}

/** What becomes of an upload that Atlas may have taken: sent again, or refused. */
export function mayResubmit({ context }: BatchContext): boolean {
  return context.config.ON_AMBIGUOUS_SUBMISSION === 'resubmit';
}

/** Whether an upload was refused: the batch will fail, and nothing more is sent. */
export function isDoomed({ state }: BatchContext): boolean {
  return state.uploads.some((upload) => upload.state === 'refused');
}

/** What the outside wants of the batch. */
export function flagsOf({ context, request, job }: BatchContext): Promise<Flags> {
  return readFlags(context, request.reference, job.timestamp);
}

/** A safe point: nothing is under way. @throws LockLostError, StoppingError. */
export function checkpoint({ context, lease, signal }: BatchContext): void {
  if (signal.aborted) throw new LockLostError(lease.jobId);
  context.stopping.throwIfAborted();
}

/** The uploads that are in a state, each with its index. */
export function uploadsThatAre<S extends UploadState>(
  { uploads }: BatchState,
  state: S,
): { index: number; upload: Extract<Upload, { state: S }> }[] {
  return uploads.flatMap((upload, index) =>
    upload.state === state ? { index, upload: upload as Extract<Upload, { state: S }> } : [],
  );
}
