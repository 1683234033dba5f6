/** From an answer, by the table of answers, to the error that follows from it. */
import { type AtlasBatchError, RefusedError, TroubleError, UnknownBatchError } from '../errors.js';
import type { Endpoint } from './observer.js';
import { ANSWERS, type AnswerKind, type AnswerRow } from './response-table.js';

/** The row that decides about an answer. Every endpoint ends with one that takes `other`. */
export function rowFor(endpoint: Endpoint, kind: AnswerKind): AnswerRow {
  const statusClass = typeof kind === 'number' ? `${Math.trunc(kind / 100)}xx` : undefined;
  const row = ANSWERS.find(
    (candidate) =>
      candidate.endpoint === endpoint &&
      candidate.when.some((when) => when === kind || when === statusClass || when === 'other'),
  );
  if (row === undefined) throw new Error(`no row for ${kind} from ${endpoint}`);
  return row;
}

/** Trouble that an answer of Atlas, or its absence, stands for. */
export class AnswerTrouble extends TroubleError {
  constructor(
    readonly row: AnswerRow,
    message: string,
    options: { retryAfterMs?: number } = {},
  ) {
    const taken = row.meaning === 'unknown' ? 'unknown' : 'not-taken';
    super(row.code ?? 'INTERNAL', message, { ...options, taken });
  }
}

/**
 * The error of a row that is not a success. `detail` ends the sentence "Atlas's multiupload …" and
 * holds statuses and codes only.
 */
export function errorFor(
  row: AnswerRow,
  detail: string,
  context: { batchId?: string; retryAfterMs?: number } = {},
): AtlasBatchError {
  const message = `Atlas's ${row.endpoint} ${detail}`;
  if (row.meaning === 'refused') return new RefusedError('ATLAS_REJECTED', message);
  if (row.meaning === 'not-yet') return new UnknownBatchError(context.batchId ?? 'a batch');
  return new AnswerTrouble(row, message, { retryAfterMs: context.retryAfterMs ?? 0 });
}

/** A 429: holds every process, and says that Atlas is well. */
export function isBlock(row: AnswerRow): boolean {
  return row.when.includes(429);
}
