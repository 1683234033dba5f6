/** What is written down of a change that a person or a token made. */
import { duration } from '../duration.js';
import { isObject, parseJson } from '../json.js';

/** Characters. Longer reasons of people are refused: they go into logs, events and pages. */
export const MAX_REASON_LENGTH = 500;
/** Longer names are refused too; those that only a proxy or a machine gives are cut. */
export const MAX_NAME_LENGTH = 100;

/** What was done. */
export type AuditAction =
  | 'cancel'
  | 'retry'
  | 'wake'
  | 'extend'
  | 'pause'
  | 'resume'
  | 'redeliver'
  | 'erase'
  | 'abort';

/** Who makes changes, and from where. */
export interface Actor {
  /** A person's login name, the name of a token, or a user of the operating system. */
  name: string;
  via: 'cli' | 'dashboard' | 'client' | 'api';
  /** Of who asked by HTTP. */
  address?: string | undefined;
}

/** One change. It names batches, and never what is in their documents. */
export interface AuditRecord {
  /**
   * When it was asked for, of the end of a change to many when it ended. ISO 8601 by the clock of Redis, and
   * by that of the process where Redis does not tell it.
   */
  at: string;
  actor: string;
  via: Actor['via'];
  address: string | null;
  action: AuditAction;
  /** Of a change to one batch. Of an erase a digest, `sha256:…`: of its certificate, or else of the reference alone. */
  reference: string | null;
  /** Of a change to many batches: how they were chosen, */
  filter: Record<string, string> | null;
  /** and how many they were: at its end those that were changed, at its begin those that were named. */
  count: number | null;
  /** What the person gave as the reason. */
  reason: string | null;
  /**
   * What came of it, such as `cancelling`; `error` and the name of it when it failed. `begun` for a change to
   * many that has a second record at its end, unless its process is killed before.
   */
  outcome: string;
  /** What more there is to say of it, such as a certificate, or the `run` that records of one change to many share. */
  details?: Record<string, unknown>;
}

/** For people: a line of a log or of the timeline of a batch. */
export function describeAudit(record: AuditRecord): string {
  const { actor, via, address, action, reason, count } = record;
  const where = address === null ? via : `${via}, ${address}`;
  const many = count === null ? '' : ` of ${count.toLocaleString('en')}`;
  return `${action}${many} by ${actor} (${where}): ${describeOutcome(record)}${reason === null ? '' : `, because: ${reason}`}`;
}

/** Of more time also how much. */
function describeOutcome({ outcome, details }: AuditRecord): string {
  if (outcome !== 'extended') return outcome;
  const { byMs, extendedMs } = Object(details);
  return `extended by ${duration(byMs)}, ${duration(extendedMs)} in all`;
}

/** Null for text that is no record. */
export function readAuditRecord(text: string): AuditRecord | null {
  const value = parseJson(text);
  const isRecord = isObject(value) && typeof value.action === 'string';
  return isRecord ? (value as unknown as AuditRecord) : null;
}
