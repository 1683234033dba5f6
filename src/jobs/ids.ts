/** Ids of jobs and events. */

/** What a reference is, for people. A path of dots is no file name in S3 tools. */
export const REFERENCE_RULE = '1 to 128 of A-Z a-z 0-9 . _ - and not dots alone';
export const REFERENCE_PATTERN = /^(?!\.+$)[A-Za-z0-9._-]{1,128}$/;

/** The longest `document_id` of Atlas that is accepted. Our own have 128 + 1 + 128 characters at most. */
export const MAX_RECEIVED_ID_LENGTH = 300;
/**
 * What is longer is no id, and no S3 key either. The time of a normal form grows with the square of the marks that
 * follow one letter: 60,000 of them hold a process for seconds.
 */
const MAX_COMPARED_LENGTH = 1024;

/**
 * The form of a document's id by which two are compared: systems between us and Atlas may store `é`
 * as one character or as two (NFC, NFD). What is too long to be an id is compared as it is.
 */
export function comparableId(documentId: string): string {
  return documentId.length > MAX_COMPARED_LENGTH ? documentId : documentId.normalize('NFC');
}

/** The form by which an id that Atlas sends is found among those that were sent: it may pad them with blanks. */
export function receivedForm(documentId: string): string {
  return comparableId(documentId).trim();
}

/** What nobody sees: characters of no width, marks of direction, a byte order mark. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** An id without what nobody sees of it. */
export function visibleForm(id: string): string {
  return id.replace(INVISIBLE, '').trim();
}

const NUMBER = /^\d+$/;
/** A number has none. One pattern for both would take the square of the zeros of an id that is no number. */
const ZEROS_BEFORE = /^0+(?=\d)/;

/**
 * The same where it has changed more of it: letters' case, characters that nobody sees, zeros before a number.
 * Several ids of one upload may have it, and then it says nothing.
 */
export function foldedForm(documentId: string): string {
  // Some letters have two small forms, and one capital one.
  const folded = comparableId(visibleForm(documentId).toUpperCase().toLowerCase());
  return NUMBER.test(folded) ? folded.replace(ZEROS_BEFORE, '') : folded;
}

export const MAX_REFERENCE_LENGTH = 128;

const BATCH_ID_PREFIX = 'batch-';
export const POLL_ID_PREFIX = 'poll-';
/** What the ids of completion events begin with; the reference follows, and `~2` of a later one. */
export const EVENT_ID_PREFIX = 'done-';
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

/** The Atlas batch of a `poll` job, by its id. */
export function atlasBatchIdOfPoll(jobId: string): string {
  return decodeURIComponent(jobId.slice(POLL_ID_PREFIX.length));
}

/**
 * Id of the job that awaits late results of a batch: one for each time, for a batch that an operator retries is
 * watched anew. No reference holds an `@`.
 * @param since Since when, Redis time in ms.
 */
export function watchJobId({ reference, since }: { reference: string; since: number }): string {
  return `watch-${reference}@${since.toString(36)}`;
}

/** Since when a job awaits late results of this reference; null for other jobs. */
export function timeOfWatch(reference: string, jobId: string): number | null {
  return jobId.startsWith(`watch-${reference}@`) ? timeOfEvent(jobId) : null;
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

/** Whether it is the job of an event of this reference. */
export function isEventJobOf(reference: string, jobId: string): boolean {
  const first = eventJobId(reference);
  return jobId.startsWith(first) && /^(~\d+)?$/.test(jobId.slice(first.length));
}

/**
 * Id of a completion event, unique for ever: a job id comes again when a reference is used again after
 * its event is gone, a time of Redis does not.
 * @param firstId Job id of the first event. @param endedAt Of the outcome, Redis time in ms.
 */
export function eventId(firstId: string, endedAt: number): string {
  return `${firstId}@${endedAt.toString(36)}`;
}

/** When the outcome was saved that an event tells of, Redis time in ms; null for what is no id of an event. */
export function timeOfEvent(id: unknown): number | null {
  const [, time] = /@([0-9a-z]{1,11})$/.exec(String(id)) ?? [];
  return time === undefined ? null : Number.parseInt(time, 36);
}

/** Pattern in Lua for the timestamp of a job as BullMQ reads it, whatever its producer wrote: whole milliseconds. */
export const TIMESTAMP_IN_LUA = "'^%-?%d+'";
