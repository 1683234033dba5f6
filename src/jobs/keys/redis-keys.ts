/**
 * Every key of ours in Redis but those of the gate and of what workers can read, as a function of `QUEUE_PREFIX`.
 * BullMQ's own begin with the name of a queue after the prefix. All but {@link observationsKey}, {@link startedKey},
 * {@link begunKey}, {@link outcomesKey}, {@link checkQueuesKey} and {@link apiCursorKey} expire.
 */

/**
 * String: `<timestamp> <reference>` of the batch that an Atlas batch belonged to. Written by the
 * worker that prunes its poll job; lives as long as the poll job would have.
 */
export function ownerKey(prefix: string, atlasBatchId: string): string {
  return `${prefix}:owner:${atlasBatchId.toWellFormed()}`;
}

/** String: a `CancelFlag` as JSON. Written by whoever cancels; 7 days, or until a later run. */
export function cancelKey(prefix: string, reference: string): string {
  return `${prefix}:cancel:${reference}`;
}

/** String: an `ExtensionFlag` as JSON. Written by whoever gives a batch more time; a week longer than that. */
export function extensionKey(prefix: string, reference: string): string {
  return `${prefix}:extension:${reference}`;
}

/**
 * Sorted set: ids of batch jobs that somebody wants to cancel, by the time when they were added. Written
 * by whoever cancels, read by workers that begin no batch; the newest 10,000, a week after the last.
 */
export function cancelledKey(prefix: string): string {
  return `${prefix}:cancelled`;
}

/**
 * String: a `RunModeFlag` as JSON. Written by whoever retries a failed batch, right before; a week, or until the
 * run has begun.
 */
export function runModeKey(prefix: string, reference: string): string {
  return `${prefix}:run-mode:${reference}`;
}

/**
 * String: the Redis time in ms from which on a new poll is wanted. Written by callbacks and by
 * whoever wakes a batch; an hour. Never cleared.
 */
export function wakeKey(prefix: string, reference: string): string {
  return `${prefix}:wake:${reference}`;
}

/**
 * String: what Atlas answered to one attempt to send an upload, a `SendResult` as JSON. Written by the
 * worker that sent it, when the job's lock was lost meanwhile; deleted with the save of what it says.
 * Lives as long as a failed batch.
 */
export function receiptKey(prefix: string, reference: string, nonce: string): string {
  return `${prefix}:receipt:${reference}:${nonce}`;
}

/**
 * Set: `<nonce> <reference>` of uploads of which somebody asks a worker what came of them. Written by
 * whoever found them, read with each heartbeat of the worker; a minute.
 */
export function receiptsWantedKey(prefix: string, heartbeatId: string): string {
  return `${prefix}:receipts-wanted:${heartbeatId}`;
}

/**
 * Sorted set: workers by the Redis time in ms of their last heartbeat. Written by each worker every
 * 5 s; expires 15 s after the last heartbeat of all.
 */
export function heartbeatsKey(prefix: string): string {
  return `${prefix}:workers`;
}

/** String: a `WorkerReport` as JSON. Written with each heartbeat of the worker; 15 s. */
export function workerReportKey(prefix: string, heartbeatId: string): string {
  return `${prefix}:worker:${heartbeatId}`;
}

/**
 * Hash: `missed`, how many uploads were found complete without a callback since the last one; `since`, the Redis
 * time in ms of the first. Written by workers, deleted by whoever gets a callback; a day.
 */
export function callbacksMissedKey(prefix: string): string {
  return `${prefix}:callbacks-missed`;
}

/** Written and deleted by `doctor`, to see that a write, a script and a stream work; lives seconds. */
export function doctorKey(prefix: string): string {
  return `${prefix}:doctor`;
}

/**
 * Hash: what an operator has asked for of many batches, how far it has come, and whether somebody wants its
 * end. Written by the server that does it, every half second; a week.
 */
export function bulkKey(prefix: string, id: string): string {
  return `${prefix}:bulk:${id}`;
}

/** Sorted set: ids of the last 20 of them by their start. Written by the server that does it; a week. */
export function bulksKey(prefix: string): string {
  return `${prefix}:bulks`;
}

/**
 * Sorted set: names of the queues on which workers that start check BullMQ, by the Redis time in ms at which that
 * began. Written before the first key of such a queue, and after the last is gone.
 */
export function checkQueuesKey(prefix: string): string {
  return `${prefix}:check-queues`;
}

/**
 * String: `BATCH_DEADLINE_MS` of the worker whose heartbeat was the last, for those who have no configuration of
 * workers. Written with each heartbeat; a week.
 */
export function deadlineMsKey(prefix: string): string {
  return `${prefix}:deadline-ms`;
}

/** String: empty. Written by each worker every 5 s, to see that it can; expires at once. */
export function writeProbeKey(prefix: string): string {
  return `${prefix}:write-probe`;
}

/**
 * Sorted set: ids of batch jobs by the start of their run, Redis time in ms, later by the time that it stood and by
 * what the batch was given: the order of their deadlines. Written with the saves of a batch, which also take the
 * batch out while it is in line and once it has its outcome, and by whoever gives it more time.
 */
export function startedKey(prefix: string): string {
  return `${prefix}:started`;
}

/**
 * Sorted set: ids of batch jobs that a worker has begun and that have not ended, by when they were added. For
 * lists: BullMQ's own sets are in other orders. Written with the saves of a batch, as {@link startedKey}.
 */
export function begunKey(prefix: string): string {
  return `${prefix}:begun`;
}

/**
 * Stream of about 1,000 observations, which the polling policies learn from. Written by every worker
 * once a second.
 */
export function observationsKey(prefix: string): string {
  return `${prefix}:observations`;
}

/**
 * List: `AuditRecord`s as JSON of those who have no log of ours. Written with the change, removed by a worker that
 * has written them into its log; the newest 10,000, a week after the last.
 */
export function auditKey(prefix: string): string {
  return `${prefix}:audit`;
}

/** String: held by the worker that writes such records into its log; a second at most. */
export function auditRelayKey(prefix: string): string {
  return `${prefix}:audit-relay`;
}

/**
 * String: `<from> <until>` of an `ErasedSpan`: a batch was erased. Written by whoever erases it, asked by workers that had it; a day.
 * @param digest Of the batch, so that the key does not name it.
 */
export function erasedKey(prefix: string, digest: string): string {
  return `${prefix}:erased:${digest}`;
}

/**
 * Sorted set: results that are being stored, by the Redis time in ms at which that began. A member is two digests,
 * of the batch and of the object, and the process: it names nobody. Written by the workers, each at the beginning
 * and the end; what one that died has left goes after a quarter of an hour.
 */
export function storingKey(prefix: string): string {
  return `${prefix}:storing`;
}

/** String: held by who seeks late results of erased batches; most of a minute. */
export function lateResultsSweepKey(prefix: string): string {
  return `${prefix}:late-results-swept`;
}

/**
 * Stream of about 100,000 outcomes, an `OutcomeEntry` each. Written with the save that says that the
 * event of a batch was added; entries live as long as an event that nobody takes.
 */
export function outcomesKey(prefix: string): string {
  return `${prefix}:outcomes`;
}

/**
 * Hash: the state of the request budget. Written by the script that grants requests; expires when
 * nobody has asked for a while.
 */
export function requestBudgetKey(prefix: string): string {
  return `${prefix}:request-budget`;
}

/** String: `429`, for as long as Atlas wants no request. Written by the process that got the 429. */
export function requestsBlockedKey(prefix: string): string {
  return `${prefix}:requests-blocked`;
}

/** Strings of one pair of credentials, written by the process that fetches a token; each expires. */
export interface TokenKeys {
  /** The sealed token. */
  token: string;
  /** Who fetches one. */
  lock: string;
  /** Set when the credentials were just refused: they are not tried again for some seconds. */
  refused: string;
}

/** @param name Derived from the credentials. */
export function tokenKeys(prefix: string, name: string): TokenKeys {
  return {
    token: `${prefix}:token:${name}`,
    lock: `${prefix}:token-lock:${name}`,
    refused: `${prefix}:token-refused:${name}`,
  };
}

/** String: the key with which the servers seal cursors of the HTTP API. Made by the first that needs it. */
export function apiCursorKey(prefix: string): string {
  return `${prefix}:api-cursor-key`;
}
