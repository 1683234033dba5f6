/**
 * Entries of a job that were lost: the lock ran out before the job moved. Their worker died, or it only stood
 * still. A job over which workers die again and again is what kills them.
 */
export interface LostEntries {
  /** BullMQ's `stalledCounter`, as far as it is told apart here. */
  stalls: number;
  /** Id of the heartbeat of the worker that has the job now: noted before anything is done with the job. */
  holder: string;
  /** Of which nobody knows yet whether their worker died. */
  suspects: SuspectEntry[];
  /** Those whose worker has died. */
  deaths: number;
  /** Deaths for which the job has waited, or begun to end. */
  waitedFor: number;
  /** It waits until then, Redis time in ms. */
  until?: number;
}

export interface SuspectEntry {
  /** Null where nobody noted who had it. */
  holder: string | null;
  /** When another worker got the job, Redis time in ms. */
  at: number;
}
