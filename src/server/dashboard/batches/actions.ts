/** What an operator can do with a batch. */
import { cancelBatch } from '../../../batches/cancel.js';
import type { ClientQueues } from '../../../batches/client-queues.js';
import { retryBatch } from '../../../batches/retry.js';
import { wakeBatch } from '../../../batches/wake.js';
import type { ActionResult } from './action-words.js';

export type Action = (
  queues: ClientQueues,
  reference: string,
  form: ReadonlyMap<string, string>,
) => Promise<ActionResult>;

export const ACTIONS: Record<'poll' | 'cancel' | 'retry', Action> = {
  poll: (queues, reference) => wakeBatch(queues, reference, { trySendingAgain: true }),
  async cancel(queues, reference, form) {
    const reason = form.get('reason')?.trim() || 'cancelled by an operator';
    return (await cancelBatch(queues, reference, reason)).status;
  },
  retry: retryBatch,
};
