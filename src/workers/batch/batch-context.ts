/** What one run of a valid batch carries from step to step. */
import type { Job } from 'bullmq';
import { LockLostError, type Reason } from '../../errors.js';
import type { BatchState, Upload } from '../../jobs/batch-state.js';
import type { BatchRequest } from '../../jobs/request.js';
import type { WorkerContext } from '../context.js';
import type { JobLease } from '../runtime/job-lease.js';
import { StoppingError } from '../runtime/run-step.js';
import { type Flags, readFlags } from '../runtime/signals.js';

export interface BatchContext {
  context: WorkerContext;
  job: Job<unknown>;
  lease: JobLease<BatchState>;
  request: BatchRequest;
  state: BatchState;
  /**
   * Uploads whose poll job was added since the last wait, or is being added: pending, and known
   * without asking. Each with how the adding went.
   */
  addedPolls: Map<Upload, Promise<void>>;
  /** Aborted when the job's lock is lost. */
  signal: AbortSignal;
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
