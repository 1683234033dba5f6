/** Does something to many batches, one after the other or as fast as is asked for. */
import { checkOptions, readReason } from '../../check-options.js';
import type { Actor } from '../../jobs/audit-record.js';
import { type CancelRequest, type CancelResult, cancelBatch } from '../cancel.js';
import type { ClientQueues } from '../client-queues.js';
import { type RedeliverResult, redeliverGivenUpOf, redeliverLatest } from '../events/redeliver.js';
import { type RetryResult, retryBatch } from '../retry.js';
import { checkPace, type PaceOptions, paced } from './paced.js';
import { selectedReferences } from './selected-references.js';
import {
  type BulkAction,
  type BulkSelection,
  type CheckedSelection,
  checkSelection,
  selectionUntilNow,
} from './selection.js';

/** How a bulk action is done. */
export interface BulkOptions extends PaceOptions {
  /** For the audit log and the timelines. Of a cancel, it is told in the completion events too. */
  reason?: string | undefined;
}

/** How far a bulk action has come. */
export interface BulkProgress {
  /** Batches that it has met. */
  done: number;
  /** Of these, batches to which it was done. */
  changed: number;
  /** Batches of this step, and what became of each. */
  batches: (RetryResult | CancelResult | RedeliverResult)[];
}

/** Of those to which it was done. */
const CHANGED: ReadonlySet<BulkProgress['batches'][number]['status']> = new Set([
  'retried',
  'cancelling',
  'queued',
]);

/** Whether it was done to this one. */
export function isChanged({ status }: BulkProgress['batches'][number]): boolean {
  return CHANGED.has(status);
}

/**
 * Yields after each step. A loop that breaks ends the action.
 * @param by Who asks for it.
 * @throws UsageError that says what is wrong; the signal's reason.
 */
export async function* runBulk(
  queues: ClientQueues,
  by: Actor,
  action: BulkAction,
  selection: BulkSelection,
  options: BulkOptions = {},
): AsyncGenerator<BulkProgress, void, undefined> {
  checkOptions(`a ${action} of many`, options, ['rate', 'signal', 'reason']);
  checkPace(options);
  const reason = readReason('the reason', options.reason);
  const checked = await selectionUntilNow(queues, checkSelection(action, selection));
  const doOne = actOf(queues, action, checked, { by, reason });
  let done = 0;
  let changed = 0;
  for await (const references of paced(selectedReferences(queues, checked), options)) {
    const batches = await Promise.all(references.map(doOne));
    done += batches.length;
    changed += batches.filter(isChanged).length;
    yield { done, changed, batches };
  }
}

function actOf(
  queues: ClientQueues,
  action: BulkAction,
  selection: CheckedSelection,
  request: CancelRequest,
): (reference: string) => Promise<BulkProgress['batches'][number]> {
  if (action === 'retry') return (reference) => retryBatch(queues, reference);
  if (action === 'cancel') return (reference) => cancelBatch(queues, reference, request);
  const redeliver =
    'filter' in selection && selection.givenUp ? redeliverGivenUpOf : redeliverLatest;
  return (reference) => redeliver(queues, reference);
}
