/**
 * What the moves of jobs have fetched for the next turn of their slots. A slot is known by the token that it locks its
 * jobs with.
 */
import { type JobJson, raw2NextJobData } from 'bullmq';
import type { MoveReply } from './fetch-lua.js';

/** Values of the flags of a batch. */
export type FlagValues = readonly (string | null)[];

/** A job that the move of another one fetched. */
export interface Fetched {
  id: string;
  data: JobJson;
  /** Null where they were not read. */
  flags: FlagValues | null;
}

export class FetchedJobs {
  /** Jobs that are ours and do not run yet. */
  private readonly jobs = new Map<string, Fetched>();
  /** When the next job is due, of slots whose move found none. */
  private readonly foundNone = new Map<string, number>();

  add(token: string, job: Fetched): void {
    this.jobs.set(token, job);
  }

  /**
   * Takes what a script of ours replied.
   * @param mayFetch whether it was to fetch
   * @returns false when the job was not moved.
   */
  addReply(token: string, [moved, flags = null, nextAt]: MoveReply, mayFetch: boolean): boolean {
    if (typeof moved !== 'number') {
      const [data, id] = raw2NextJobData(moved) as [JobJson, string];
      this.jobs.set(token, { data, id, flags });
    } else if (moved < 0) return false;
    else if (mayFetch && nextAt !== undefined) this.foundNone.set(token, nextAt);
    return true;
  }

  take(token: string): Fetched | undefined {
    const job = this.jobs.get(token);
    this.jobs.delete(token);
    return job;
  }

  /** When the next job is due, where the move has just said so. */
  nextAt(token: string): number | undefined {
    return this.foundNone.get(token);
  }

  forgetNextAt(token: string): void {
    this.foundNone.delete(token);
  }
}
