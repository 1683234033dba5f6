/** What one run of a batch carries from function to function. */
import { LockLostError, type Reason } from '../../errors.js';
import type { BatchState, Upload } from '../../jobs/batch-state.js';
import type { BatchRequest } from '../../jobs/request.js';
import type { WorkerContext } from '../context.js';
import { type StepRun, StoppingError } from '../runtime/run-step.js';
import { type Flags, readFlags } from '../runtime/signals.js';

/** A job of the `atlas-batches` queue, valid or not. */
export interface BatchRun extends StepRun<unknown, BatchState> {
  context: WorkerContext;
  /** Null when the job's data is no valid request. */
  request: BatchRequest | null;
  /** What may be repeated of an invalid job. */
  reference: string | null;
  firstEventId: string;
}

/** A valid one. */
export interface BatchContext extends BatchRun {
  request: BatchRequest;
  /**
   * Uploads whose poll job was added since the last wait, or is being added: pending, and known
   * without asking. Each with how the adding went.
   */
  addedPolls: Map<Upload, Promise<void>>;
}

/** When the batch has to have ended, Redis time in ms. */
export function deadlineOf({ state, context }: BatchContext): number {
  return state.startedAt + context.config.BATCH_DEADLINE_MS;
}

export function isPastDeadline(run: BatchContext): boolean {
  return run.context.clock.now() >= deadlineOf(run);
}

/** What the outside wants of the batch. */
export function flagsOf({ context, request, job }: BatchContext): Promise<Flags> {
  return readFlags(context, request.reference, job.timestamp);
}

/** A safe point: nothing is under way. */
export function checkpoint({ context, lease, signal }: BatchContext): void {
  if (signal.aborted) throw new LockLostError(lease.jobId);
  if (context.stopping.aborted) throw new StoppingError();
}

/** Counts a transient error, for the back-off and for the reason that the deadline may give. */
export function countTransientError(state: BatchState, reason: Reason): number {
  const count = (state.errorStreak?.count ?? 0) + 1;
  state.errorStreak = { count, reason };
  return count;
}
