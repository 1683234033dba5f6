/** What a scan of one set of jobs is asked for. */

/** Where a scan stands in one set: behind this job. */
export interface ScanPlace {
  id: string;
  /** When it was added or ended, by the set. */
  time: number;
  /** Its place in the set when it was met. */
  index: number;
}

/** What the script is asked for, as JSON. */
export interface ScanOrder {
  /** Keys of jobs begin with this. */
  jobs: string;
  isList: boolean;
  newestFirst: boolean;
  /** Whether the set's own scores are the times. */
  isScored: boolean;
  /** Only jobs that no worker has begun. */
  isUnbegun: boolean;
  /** Whether it is the set of those that have begun, whose jobs may have gone or ended by hand. */
  isBegun: boolean;
  /** What the jobs of the set have ended as. */
  ended: 'completed' | 'failed' | '';
  /** Null for the beginning. */
  at: ScanPlace | null;
  /** Most jobs that one call visits, and most bytes of requests that it reads. */
  visit: number;
  bytes: number;
  /** Most jobs that it returns. */
  want: number;
  /** Whether to count by facts, and to return no jobs. */
  count: boolean;
  /** Bounds of the time, both included; null for none. */
  sinceMs: number | null;
  untilMs: number | null;
  /** By the place of each value in the facts, from 1, those that pass; null for all. */
  pass: readonly (readonly string[] | null)[];
  /** Null for no text. */
  text: ScanText | null;
}

export interface ScanText {
  /** With a to z in lower case. One of them is in the reference, a document id or an S3 location. */
  needles: readonly string[];
  /** One of them is in the text of the request, if it has the needle at all; null when that cannot be said. */
  written: readonly string[] | null;
  /** One of them is in every text that has `written` in any case; null as that. */
  pieces: readonly string[] | null;
  /** The job that is meant by an id of Atlas. */
  jobId: string | null;
}
