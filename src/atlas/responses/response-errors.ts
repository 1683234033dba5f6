/** The errors that follow from what Atlas responded, each with the row of the table that decided. */
import {
  type BatchError,
  PermanentError,
  TransientError,
  UnknownBatchError,
} from '../../errors.js';
import type { ResponseRow } from './response-table.js';

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

/** Atlas's no to an upload. */
export class RefusalError extends PermanentError {
  constructor(
    readonly row: ResponseRow,
    message: string,
  ) {
    super('ATLAS_REJECTED', message);
  }
}

/**
 * The error of a row that is not a success. `detail` ends the sentence "Atlas's multiupload …" and
 * holds statuses and codes only.
 */
export function errorFor(
  row: ResponseRow,
  detail: string,
  context: { atlasBatchId?: string | undefined; retryAfterMs?: number } = {},
): BatchError {
  const message = `Atlas's ${row.endpoint} ${detail}`;
  if (row.meaning === 'refused') return new RefusalError(row, message);
  if (row.meaning === 'not-yet') return new UnknownBatchError(context.atlasBatchId ?? 'a batch');
  return new ResponseError(row, message, { retryAfterMs: context.retryAfterMs ?? 0 });
}
