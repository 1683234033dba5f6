/** `POST /batches/{reference}/cancel` and `…/retry`. */
import { z } from 'zod';
import { audited } from '../../../batches/audit.js';
import { cancelBatch } from '../../../batches/cancel.js';
import { retryBatch } from '../../../batches/retry.js';
import { UnknownReferenceError } from '../../../errors.js';
import { type AuditAction, MAX_REASON_LENGTH } from '../../../jobs/audit-record.js';
import { auditorOf } from '../auditor.js';
import { checkVisible } from '../find-tenant.js';
import { type ApiCall, type ApiServices, operation } from '../operation.js';
import { ApiProblem, invalid } from '../problem.js';

const LIMIT_BYTES = 16 * 1024;

export const reasonBodySchema = z.strictObject({
  reason: z
    .string()
    .max(MAX_REASON_LENGTH)
    .optional()
    .describe('Told in the log, and in the event.'),
});

const body = {
  contentType: 'application/json',
  schema: reasonBodySchema,
  description: 'Why; may be left out.',
  limitBytes: LIMIT_BYTES,
  required: false,
} as const;

export const cancellingSchema = z.object({
  status: z.literal('cancelling'),
  reference: z.string(),
});
export const retriedSchema = z.object({ status: z.literal('retried'), reference: z.string() });

export const cancel = operation({
  operationId: 'cancelBatch',
  method: 'POST',
  path: '/batches/{reference}/cancel',
  action: 'cancel',
  summary: 'Asks for the end of a batch, which then fails with CANCELLED',
  body,
  responses: {
    202: {
      description: 'It will fail with CANCELLED, unless it ends before its worker sees that.',
      schema: cancellingSchema,
    },
  },
  problems: ['UNKNOWN_REFERENCE', 'ALREADY_ENDED', 'TOO_LARGE'],
  async handle(services, call) {
    const reason = reasonOf(call.body);
    return change(services, call, { action: 'cancel', done: 'cancelling', reason }, async () => {
      const by = auditorOf(services, call).actor;
      return (await cancelBatch(services.queues, call.reference, { by, reason })).status;
    });
  },
});

export const retry = operation({
  operationId: 'retryBatch',
  method: 'POST',
  path: '/batches/{reference}/retry',
  action: 'retry',
  summary: 'Tries a failed batch again',
  description:
    'First what Atlas has is read, then what is missing is sent. A second event follows.',
  body,
  responses: { 202: { description: 'It is tried again.', schema: retriedSchema } },
  problems: ['UNKNOWN_REFERENCE', 'NOT_FAILED', 'TOO_LARGE'],
  async handle(services, call) {
    const reason = reasonOf(call.body);
    return change(services, call, { action: 'retry', done: 'retried', reason }, async () => {
      return (await retryBatch(services.queues, call.reference)).status;
    });
  },
});

type Done = 'cancelling' | 'retried';

/** Does it for whoever may see the batch, and writes down who asked for it and what came of it. */
async function change(
  services: ApiServices,
  call: ApiCall<unknown>,
  { action, done, reason }: { action: AuditAction; done: Done; reason: string | undefined },
  act: () => Promise<Done | 'unknown' | 'ended' | 'not-failed'>,
) {
  const { queues } = services;
  const { caller, reference } = call;
  await checkVisible(queues, caller, reference);
  const auditor = auditorOf(services, call);
  const outcome = await queues.link.run(() =>
    audited(queues, auditor, { action, reference, reason }, act, (status) => ({ outcome: status })),
  );
  if (outcome === 'unknown') throw new UnknownReferenceError(reference);
  if (outcome === 'ended') throw new ApiProblem('ALREADY_ENDED');
  if (outcome === 'not-failed') throw new ApiProblem('NOT_FAILED');
  return { status: 202, body: { status: done, reference } };
}

/** @throws ApiProblem for a body that is none. */
function reasonOf(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  const parsed = reasonBodySchema.safeParse(body);
  if (parsed.success) return parsed.data.reason?.trim() || undefined;
  throw invalid('INVALID_REQUEST', [
    `the body must be {"reason": "…"}, of at most ${MAX_REASON_LENGTH} characters, or none`,
  ]);
}
