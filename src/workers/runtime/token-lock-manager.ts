/**
 * Renews the locks of jobs, and keeps apart the runs of one job. BullMQ's own manager forgets a job
 * by its id when a run of it ends. A job that is promoted right after its move may run again in the
 * same process by then: it would go on unrenewed, and lose its lock after 8 s.
 */
import { LockManager } from 'bullmq';

export class TokenLockManager extends LockManager {
  /** Tokens of the renewal under way, by job id. BullMQ's timer has one under way at a time. */
  private asked = new Map<string, string | undefined>();

  /** {@link hold} and {@link release} do what these two do in BullMQ. */
  override trackJob(): undefined {}
  override untrackJob(): void {}

  /** From now on the job's lock is renewed for the run of this token, and for no earlier one. */
  hold(jobId: string, token: string, fetchedAt: number): void {
    if (!this.closed) this.trackedJobs.set(jobId, { token, ts: fetchedAt });
  }

  /** The run of this token needs the lock no more. */
  release(jobId: string, token: string): void {
    if (this.trackedJobs.get(jobId)?.token === token) this.trackedJobs.delete(jobId);
  }

  /** Whose lock was to be renewed, when BullMQ says that the lock of a job could not be. */
  tokenOf(jobId: string): string | undefined {
    return this.asked.get(jobId);
  }

  protected override async extendLocks(jobIds: string[]): Promise<void> {
    this.asked = new Map(jobIds.map((jobId) => [jobId, this.trackedJobs.get(jobId)?.token]));
    await super.extendLocks(jobIds);
  }
}
