/** Ids of jobs and events. */

/** What a reference is, for people. A path of dots is no file name in S3 tools. */
export const REFERENCE_RULE = '1 to 128 of A-Z a-z 0-9 . _ - and not dots alone';
export const REFERENCE_PATTERN = /^(?!\.+$)[A-Za-z0-9._-]{1,128}$/;

/**
 * The form of a document's id by which two are compared: systems between us and Atlas may store `é`
 * as one character or as two (NFC, NFD).
 */
export function comparableId(documentId: string): string {
  return documentId.normalize('NFC');
}

export const MAX_REFERENCE_LENGTH = 128;

const BATCH_ID_PREFIX = 'batch-';
const POLL_ID_PREFIX = 'poll-';
const EVENT_ID_PREFIX = 'done-';
const INVALID_EVENT_PREFIX = 'done-invalid~';
/** Job ids come from producers and may be of any length. Ids of events are not. */
const INVALID_ID_LENGTH = 128;

/** Id of the `batch` job. The prefix is there because BullMQ refuses integers as ids. */
export function batchJobId(reference: string): string {
  return BATCH_ID_PREFIX + reference;
}

/** The reference in the id of a `batch` job; null when it is no such id. */
export function referenceOfBatchJobId(jobId: string): string | null {
  if (!jobId.startsWith(BATCH_ID_PREFIX)) return null;
  const reference = jobId.slice(BATCH_ID_PREFIX.length);
  return REFERENCE_PATTERN.test(reference) ? reference : null;
}

/** Id of the `poll` job of an Atlas batch; BullMQ refuses `:` in ids, hence the encoding. */
export function pollJobId(atlasBatchId: string): string {
  return POLL_ID_PREFIX + encodeURIComponent(atlasBatchId.toWellFormed());
}

/** Job id of the first completion event of a reference. */
export function eventJobId(reference: string): string {
  return EVENT_ID_PREFIX + reference;
}

/** Job id of the first completion event of a job that is no valid batch. */
export function invalidEventJobId(jobId: string): string {
  return (
    INVALID_EVENT_PREFIX + encodeURIComponent(jobId.toWellFormed()).slice(0, INVALID_ID_LENGTH)
  );
}

/** Job id of the n-th completion event with this first id: `done-x`, `done-x~2`, `done-x~3` … */
export function nthEventJobId(firstId: string, n: number): string {
  return n === 1 ? firstId : `${firstId}~${n}`;
}

/**
 * Id of a completion event, unique for ever: a job id comes again when a reference is used again after
 * its event is gone, a time of Redis does not.
 * @param firstId Job id of the first event. @param endedAt Of the outcome, Redis time in ms.
 */
export function eventId(firstId: string, endedAt: number): string {
  return `${firstId}@${endedAt.toString(36)}`;
}
