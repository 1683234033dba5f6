/** What an error leads to that does not end the batch: it is counted, and the batch sleeps over it. */
import { BudgetExceededError } from '../../atlas/budget.js';
import { ResponseError } from '../../atlas/responses/response-errors.js';
import {
  errorFields,
  OwnFaultError,
  type Reason,
  type TransientError,
  TurnedAwayError,
} from '../../errors.js';
import type { BatchSummary } from '../../jobs/summary.js';
import { backoffMs, describeError, MAX_UNEXPECTED_ERRORS, returnMs } from '../runtime/backoff.js';
import type { StepResult } from '../runtime/run-step.js';
import {
  type BatchContext,
  deadlineOf,
  flagsOf,
  isDoomed,
  isPastDeadline,
  type Sleep,
  uploadsThatAre,
} from './batch-context.js';
import { collectBeforeSleep } from './collect-polls.js';
import { endBatch } from './finish-batch.js';
import { askForTurn, leaveUnsent, sleepInLine } from './gate-turn.js';
import { countTransientError, countUnexpectedError } from './transitions.js';

/** Back-off of a batch that cannot be submitted: fast enough to use a short calm, slow enough to wait out a night. */
const ERROR_BACKOFF = { baseMs: 1000, capMs: 60_000 };

/** Past the deadline, and nothing at Atlas to wait for. */
export async function hasNothingLeft(entry: BatchContext): Promise<boolean> {
  const isAtAtlas = entry.state.uploads.some(({ state }) => state === 'sent');
  return !isAtAtlas && (await isPastDeadline(entry));
}

/** A transient error never ends a batch before its deadline: counted, and slept over. */
export async function waitOut(entry: BatchContext, error: TransientError): Promise<Sleep> {
  const { context, lease } = entry;
  const left = Math.max(ERROR_BACKOFF.baseMs, deadlineOf(entry) - context.clock.now());
  // No error, only no turn: comes back exactly when it is told to.
  if (error instanceof BudgetExceededError) {
    // Lists know a batch that sleeps by what it has saved.
    if (!lease.hasSaved) await lease.save(entry.state);
    return sleep(entry, Math.min(left, error.retryAfterMs));
  }
  entry.state = countTransientError(entry.state, error.reason);
  const planned = uploadsThatAre(entry.state, 'planned');
  // Nobody here can send: it waits in line with all others, and not for a time of its own.
  if (context.gate.whyShut !== null && planned.length > 0) {
    await askForTurn(entry, planned);
    const { mustWait } = await collectBeforeSleep(entry);
    if (!mustWait && !isDoomed(entry)) return sleepInLine(entry);
  }
  await leaveUnsent(entry, { keepsPlace: true });
  const count = entry.state.errorStreak?.count ?? 1;
  const inRow = relevantErrors(entry, error, count);
  const wanted = Math.max(error.retryAfterMs, backoffMs(inRow, ERROR_BACKOFF, context.random));
  const isTurnedAway = error instanceof TurnedAwayError;
  const delay = Math.min(left, isTurnedAway ? returnMs(wanted, left) : wanted);
  await lease.save(entry.state, describeError(count, error.reason, delay));
  return sleep(entry, delay);
}

/** Errors in a row by which a batch backs off. */
function relevantErrors({ context }: BatchContext, error: TransientError, count: number): number {
  // Another worker may take it at once.
  if (error instanceof OwnFaultError) return 1;
  // While others pass, Atlas is well, and only this batch had bad luck.
  return isOfAtlas(error) ? Math.min(count, context.atlas.failuresInRow()) : count;
}

/** Whether the process's own requests tell how lasting the error is. */
function isOfAtlas(error: TransientError): boolean {
  return error instanceof ResponseError && error.row.countsAsOutage === true;
}

/** A request to cancel that came while the job was busy ends its sleep at once. */
function sleep(entry: BatchContext, delayMs: number): Sleep {
  return { kind: 'sleep', delayMs, afterwards: () => isCancelled(entry) };
}

export async function isCancelled(entry: BatchContext): Promise<boolean> {
  return (await flagsOf(entry)).cancelled !== null;
}

export async function afterUnexpectedError(
  entry: BatchContext,
  error: unknown,
): Promise<StepResult<BatchSummary>> {
  const { context, lease } = entry;
  entry.state = countUnexpectedError(entry.state);
  const { unexpectedErrors, uploads } = entry.state;
  const { reference } = entry.request;
  context.logger.error(
    { reference, ...errorFields(error) },
    `an unforeseen error in batch ${reference}`,
  );
  const name = error instanceof Error ? error.name : 'error';
  const reason: Reason = {
    code: 'INTERNAL',
    message: `an unforeseen ${name} in this batch; the log has its stack`,
  };
  const isAtAtlas = uploads.some((upload) => upload.state === 'sent');
  if (unexpectedErrors > MAX_UNEXPECTED_ERRORS && (!isAtAtlas || (await isPastDeadline(entry)))) {
    return endBatch(entry, 'failed', reason);
  }
  await leaveUnsent(entry, { keepsPlace: true });
  const delay = backoffMs(unexpectedErrors, ERROR_BACKOFF, context.random);
  await lease.save(entry.state, describeError(unexpectedErrors, reason, delay));
  return sleep(entry, delay);
}
