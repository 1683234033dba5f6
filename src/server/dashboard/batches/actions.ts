/** What an operator can do with a batch. */
import { cancelBatch } from '../../../batches/cancel.js';
import type { ClientQueues } from '../../../batches/client-queues.js';
import { retryBatch } from '../../../batches/retry.js';
import { wakeBatch } from '../../../batches/wake.js';

/** The results of actions, as the pages show them. */
export const ACTION_WORDS = {
  woken: 'It is being polled now.',
  cancelling: 'It is being cancelled.',
  retried: 'It is tried again: first what Atlas has is read, then what is missing is sent.',
  ended: 'It had ended already.',
  'not-failed': 'Only a failed batch can be retried.',
  unknown: 'The batch is no longer kept.',
} as const;

export type ActionResult = keyof typeof ACTION_WORDS;

export function isActionResult(text: unknown): text is ActionResult {
  return typeof text === 'string' && Object.hasOwn(ACTION_WORDS, text);
}

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
