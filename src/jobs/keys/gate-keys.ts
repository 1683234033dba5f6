/**
 * The keys of the gate in Redis, and of what it counts by the day. All but {@link documentsSentKey} and
 * {@link gateKeys} expire.
 */
import { BATCHES_QUEUE } from '../queues.js';
import type { Priority } from '../request/request.js';

/**
 * What the scripts of the gate move, in the order of their `KEYS`, with the sets of the batches' queue that
 * they wake jobs in, the pause, and what they count by the day. All of ours but the latter two are gone when
 * nothing is in flight or in line, and no place is kept.
 *
 * `state` hash: documents in flight, those of them of which nobody knows whether Atlas has them, documents in line by priority, virtual time, where the sweep has come to in flight, in line and in the kept places, of which flow uploads have moved up last. `in-flight` sorted set: members
 * by the Redis time in ms of their admission, or at which their batch was last woken to say who holds their room. `line` sorted set: members by their start tag. `sizes` hash:
 * documents of a member. `flows` sorted set: flows by the finish tag of what was admitted of them. `member-flows` hash: weight and flow of a member in line. `gaps` sorted set: flows by the start tag from which on their members may move up. `holders` hash: for a member in flight,
 * the id of the poll job that will release it, or `until <ms>`. `admissions` hash: for a member in flight, its
 * start tag, the day of whose quota it has taken, and the Redis time in ms since which it waited; the same, with `-` for
 * the day, while its place is kept. `kept` sorted set:
 * members that have left over an error by the start tag of the place that is kept for them.
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
    `${prefix}:gate-admissions`,
    quotaUsedKey(prefix),
    documentsSentKey(prefix),
    gateDeadlinesKey(prefix),
    gateOutageKey(prefix),
    `${prefix}:gate-member-flows`,
    `${prefix}:gate-gaps`,
    `${prefix}:gate-kept`,
    gateUnknownKey(prefix),
  ];
}

/**
 * Sorted set: members in line of one priority, by the Redis time in ms at which they asked first. Moved by the
 * scripts of the gate, which derive the key from that of the line.
 */
export function gateWaitsKey(prefix: string, priority: Priority): string {
  return `${prefix}:gate-line-${priority}`;
}

/**
 * Sorted set: members in line of one flow, `<tenant>/<priority>`, by their start tag. Moved by the scripts of the
 * gate, which derive the key from that of the line.
 */
export function gateFlowKey(prefix: string, flow: string): string {
  return `${prefix}:gate-line:${flow}`;
}

/**
 * Sorted set: members in flight of which nobody knows whether Atlas has them, by the Redis time in ms until which they keep
 * their room. Moved by the scripts of the gate; gone when nothing is in flight or in line.
 */
export function gateUnknownKey(prefix: string): string {
  return `${prefix}:gate-unknown`;
}

/** String: a `Pause` as JSON. Written by whoever pauses; until its time, or until somebody resumes. */
export function gatePauseKey(prefix: string): string {
  return `${prefix}:gate-pause`;
}

/**
 * Hash: `day`, and the `documents` that are taken of its quota: sent, or admitted and about to be; `until`, when
 * the day ends, while the head of the line waits for that. Written by
 * the scripts of the gate; two days.
 */
export function quotaUsedKey(prefix: string): string {
  return `${prefix}:quota-used`;
}

/**
 * Hash: by day, such as `2026-11-23`, the documents that went to Atlas. Written with the saves of batches; the
 * last 400 days. Never expires.
 */
export function documentsSentKey(prefix: string): string {
  return `${prefix}:documents-sent`;
}

/**
 * Sorted set: ids of batch jobs in line by how long nobody can send, in ms, until their deadline has come. Written
 * by the scripts of the gate; gone when nothing is in flight or in line.
 */
function gateDeadlinesKey(prefix: string): string {
  return `${prefix}:gate-deadlines`;
}

/**
 * Hash: `ms`, how long nobody could send, in all; `at`, the Redis time in ms until which that is counted, while
 * it lasts; `able`, when the last sweep was before it. Written by the sweep; 30 days.
 */
export function gateOutageKey(prefix: string): string {
  return `${prefix}:gate-outage`;
}

/** String: a worker that can send was there within the last seconds. */
export function gateAbleKey(prefix: string): string {
  return `${prefix}:gate-able`;
}

/** String: held by who has swept the gate last; a second. */
export function gateSweepKey(prefix: string): string {
  return `${prefix}:gate-swept`;
}

/** String: the limit of a worker with one that was there within the last minute. */
export function gateOnKey(prefix: string): string {
  return `${prefix}:gate-on`;
}
