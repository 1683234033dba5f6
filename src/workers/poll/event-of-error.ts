/** What an error of a poll means to its job; and who else hears of it. */
import { BudgetExceededError } from '../../atlas/budget.js';
import { ResponseError } from '../../atlas/responses/response-errors.js';
import {
  errorFields,
  OwnFaultError,
  TransientError,
  TurnedAwayError,
  UnknownBatchError,
} from '../../errors.js';
import { type PollEntry, perPageOf } from './poll-entry.js';
import type { PollEvent } from './poll-event.js';
import { ListTooLargeError, NoMemoryError } from './reading/memory-errors.js';

export function eventOfError(entry: PollEntry, error: unknown): PollEvent {
  const { context, data } = entry;
  if (error instanceof UnknownBatchError) return { kind: 'not-found', reason: error.reason };
  const halve = halvingOf(error);
  if (error instanceof TransientError && halve) {
    const { reason, retryAfterMs } = error;
    const perPage = perPageOf(context, entry.state);
    return { kind: 'page-unreadable', halve, reason, perPage, retryAfterMs };
  }
  if (error instanceof NoMemoryError) {
    context.metrics.pollMemoryWaits.inc();
    return { kind: 'no-memory', wantedBytes: error.wantedBytes };
  }
  if (error instanceof OwnFaultError) {
    context.ownFaults.note(error);
    return { kind: 'own-fault', reason: error.reason, retryAfterMs: error.retryAfterMs };
  }
  if (error instanceof TransientError) {
    const { reason, retryAfterMs } = error;
    if (error instanceof BudgetExceededError) return { kind: 'no-room', reason, retryAfterMs };
    context.warnOfDelay(error);
    const turnedAway = error instanceof TurnedAwayError;
    return { kind: 'transient-error', reason, retryAfterMs, turnedAway };
  }
  const { reference, atlasBatchId } = data;
  const fields = { reference, atlasBatchId, ...errorFields(error) };
  context.logger.error(fields, `an unforeseen error while polling ${atlasBatchId}`);
  const name = error instanceof Error ? error.name : 'error';
  const message = `an unforeseen ${name} while polling ${atlasBatchId}; the log has its stack`;
  return { kind: 'unexpected-error', reason: { code: 'INTERNAL', message } };
}

/** Whether a page of fewer extracts may be read where this one was not. */
function halvingOf(error: unknown): 'at-once' | 'when-it-lasts' | undefined {
  if (error instanceof ListTooLargeError) return error.isOnePage ? 'at-once' : undefined;
  return error instanceof ResponseError ? error.row.halve : undefined;
}
