/** What an operator can do with a batch. */
import { ErrorCode } from 'bullmq';
import { cancelBatch } from '../../../batches/cancel.js';
import type { ClientQueues } from '../../../batches/client-queues.js';
import { wakeBatch } from '../../../batches/wake.js';
import { batchJobId } from '../../../jobs/ids.js';
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
  async retry({ batches }, reference) {
    const job = await batches.getJob(batchJobId(reference));
    if (!job) return 'unknown';
    if (!(await job.isFailed())) return 'not-failed';
    try {
      await job.retry('failed');
      return 'retried';
    } catch (error) {
      // Somebody else retried it in the meantime.
      if (Reflect.get(Object(error), 'code') === ErrorCode.JobNotInState) return 'not-failed';
      throw error;
    }
  },
};
