/** From a response, by the table of responses, to the error that follows from it. */
import { type BatchError, PermanentError, TransientError, UnknownBatchError } from '../errors.js';
import type { Endpoint } from './observer.js';
import { RESPONSES, type ResponseKind, type ResponseRow } from './response-table.js';

/** The row that decides about a response. Every endpoint ends with one that takes `other`. */
export function rowFor(endpoint: Endpoint, kind: ResponseKind): ResponseRow {
  const statusClass = typeof kind === 'number' ? `${Math.trunc(kind / 100)}xx` : undefined;
  const row = RESPONSES.find(
    (candidate) =>
      candidate.endpoint === endpoint &&
      candidate.when.some((when) => when === kind || when === statusClass || when === 'other'),
  );
  if (row === undefined) throw new Error(`no row for ${kind} from ${endpoint}`);
  return row;
}

/** The transient error that a response of Atlas, or its absence, stands for. */
export class ResponseError extends TransientError {
  constructor(
    readonly row: ResponseRow,
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
  row: ResponseRow,
  detail: string,
  context: { atlasBatchId?: string; retryAfterMs?: number } = {},
): BatchError {
  const message = `Atlas's ${row.endpoint} ${detail}`;
  if (row.meaning === 'refused') return new PermanentError('ATLAS_REJECTED', message);
  if (row.meaning === 'not-yet') return new UnknownBatchError(context.atlasBatchId ?? 'a batch');
  return new ResponseError(row, message, { retryAfterMs: context.retryAfterMs ?? 0 });
}
