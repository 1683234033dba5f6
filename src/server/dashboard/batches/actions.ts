/** What an operator can do with a batch. */
import type { Audited } from '../../../batches/audit.js';
import { cancelBatch } from '../../../batches/cancel.js';
import { describeErasure, type ErasureCertificate } from '../../../batches/erase/erase-batch.js';
import { redeliverLatest } from '../../../batches/events/redeliver.js';
import { extendDeadline } from '../../../batches/extend-deadline.js';
import { retryBatch } from '../../../batches/retry.js';
import { wakeBatch } from '../../../batches/wake.js';
import { TransientError } from '../../../errors.js';
import type { Actor, AuditAction } from '../../../jobs/audit-record.js';
import type { ServerContext } from '../../context.js';
import { eraseFor } from '../../erase.js';
import { reasonIn } from '../read-form.js';
import { TIME_SPANS } from '../time-spans.js';

/** The results of actions, as addresses name them. */
const RESULTS = [
  'woken',
  'cancelling',
  'extended',
  'no-time',
  'retried',
  'ended',
  'not-failed',
  'queued',
  'running',
  'not-confirmed',
  'not-removed',
  'erased',
  'unknown',
] as const;

export type ActionResult = (typeof RESULTS)[number];

export function isActionResult(text: unknown): text is ActionResult {
  return RESULTS.some((one) => one === text);
}

export interface Action {
  /** As it is written down. */
  name: AuditAction;
  act(context: ServerContext, reference: string, asked: Asked): Promise<ActionResult | Came>;
}

interface Asked {
  form: ReadonlyMap<string, string>;
  /** Who asks. */
  actor: Actor;
}

/** A result of which more is written down. */
interface Came {
  done: ActionResult;
  audited: Audited;
  /** Of what was erased. */
  certificate?: ErasureCertificate | null;
}

export function cameOf(result: ActionResult | Came): Came {
  return typeof result === 'string' ? { done: result, audited: { outcome: result } } : result;
}

export const ACTIONS: Record<
  'poll' | 'cancel' | 'deadline' | 'retry' | 'redeliver' | 'erase',
  Action
> = {
  poll: {
    name: 'wake',
    act: ({ queues }, reference) => wakeBatch(queues, reference, { trySendingAgain: true }),
  },
  cancel: {
    name: 'cancel',
    act: async ({ queues }, reference, { form, actor }) =>
      (await cancelBatch(queues, reference, { by: actor, reason: reasonIn(form) })).status,
  },
  deadline: {
    name: 'extend',
    async act({ queues }, reference, { form }) {
      const span = TIME_SPANS.get(form.get('more') ?? '');
      if (!span) return 'no-time';
      const { status, extendedMs } = await extendDeadline(queues, reference, span.ms);
      const details = { byMs: span.ms, extendedMs };
      return { done: status, audited: { outcome: status, details } };
    },
  },
  retry: {
    name: 'retry',
    act: async ({ queues }, reference) => (await retryBatch(queues, reference)).status,
  },
  redeliver: {
    name: 'redeliver',
    act: async ({ queues }, reference) => (await redeliverLatest(queues, reference)).status,
  },
  erase: {
    name: 'erase',
    async act(context, reference, { form }) {
      if (form.get('confirm')?.trim() !== reference) return 'not-confirmed';
      try {
        const result = await eraseFor(context, reference);
        const { status: done, certificate } = result;
        return { done, audited: describeErasure(result), certificate };
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        context.logger.error({ reference }, `${reference} is not erased: ${error.message}`);
        return 'not-removed';
      }
    },
  },
};
