/**
 * Every key of ours in Redis, as a function of `QUEUE_PREFIX`. BullMQ's own begin with the name of a
 * queue after the prefix. All but {@link observationsKey}, {@link startedKey} and {@link gateKeys} expire.
 */
import { BATCHES_QUEUE } from './queues.js';

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

/**
 * Sorted set: ids of batch jobs that somebody wants to cancel, by the time when they were added. Written
 * by whoever cancels, read by workers that begin no batch; the newest 10,000, a week after the last.
 */
export function cancelledKey(prefix: string): string {
  return `${prefix}:cancelled`;
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

/**
 * Sorted set: rules of which buckets are allowed, by the Redis time in ms of the last heartbeat of a
 * worker that has it. Written with each heartbeat; a minute.
 */
export function bucketRulesKey(prefix: string): string {
  return `${prefix}:bucket-rules`;
}

/** Written and deleted by `doctor`, to see that a write, a script and a stream work; lives seconds. */
export function doctorKey(prefix: string): string {
  return `${prefix}:doctor`;
}

/** String: empty. Written by each worker every 5 s, to see that it can; expires at once. */
export function writeProbeKey(prefix: string): string {
  return `${prefix}:write-probe`;
}

/**
 * Sorted set: ids of batch jobs by the start of their run, Redis time in ms. Written with the saves
 * of a batch, which also take the batch out once it has its outcome.
 */
export function startedKey(prefix: string): string {
  return `${prefix}:started`;
}

/**
 * Stream of about 1,000 observations, which the polling policies learn from. Written by every worker
 * once a second.
 */
export function observationsKey(prefix: string): string {
  return `${prefix}:observations`;
}

/**
 * What the scripts of the gate move, in the order of their `KEYS`; then the sets of the batches' queue that
 * they wake jobs in, and the pause. All of ours but that are gone when nothing is in flight or in line.
 *
 * `state` hash: documents in flight, virtual time, where the sweep has come to. `in-flight` sorted set: members
 * by the Redis time in ms of their admission. `line` sorted set: members by their start tag. `sizes` hash:
 * documents of a member. `flows` sorted set: flows by their finish tag. `holders` hash: for a member in flight,
 * the id of the poll job that will release it, or `until <ms>`.
 */
export function gateKeys(prefix: string): string[] {
  const sets = ['delayed', 'wait', 'prioritized', 'marker'];
  return [
    `${prefix}:gate-state`,
    `${prefix}:gate-in-flight`,
    `${prefix}:gate-line`,
    `${prefix}:gate-sizes`,
    `${prefix}:gate-flows`,
    `${prefix}:gate-holders`,
    ...sets.map((name) => `${prefix}:${BATCHES_QUEUE}:${name}`),
    gatePauseKey(prefix),
  ];
}

/** String: a `Pause` as JSON. Written by whoever pauses; until its time, or until somebody resumes. */
export function gatePauseKey(prefix: string): string {
  return `${prefix}:gate-pause`;
}

/** String: held by who has swept the gate last; a second. */
export function gateSweepKey(prefix: string): string {
  return `${prefix}:gate-swept`;
}

/** String: a worker with a limit was there within the last minute. */
export function gateOnKey(prefix: string): string {
  return `${prefix}:gate-on`;
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
