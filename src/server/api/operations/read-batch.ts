/** `GET /batches/{reference}`: its status; with `wait`, when it has ended or that time is over. */
import { z } from 'zod';
import { type BatchStatus, readBatchStatus } from '../../../batches/status/status.js';
import { batchStatusSchema } from '../../../batches/status/status-schema.js';
import { WaitTimeoutError } from '../../../client/client-errors.js';
import { withEither } from '../../../timeouts.js';
import { checkStillVisible, checkVisible } from '../find-tenant.js';
import { type ApiCall, type ApiServices, operation } from '../operation.js';

/** Proxies that close a silent connection earlier are there: 30 s pass most of them. */
export const MAX_WAIT_SECONDS = 300;

const query = z.strictObject({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .optional()
    .describe('Seconds to wait for the end. The response says where the batch stands then.'),
});

type Query = z.infer<typeof query>;

export const readBatch = operation<Query>({
  operationId: 'readBatch',
  method: 'GET',
  path: '/batches/{reference}',
  action: 'read',
  summary: 'Reads the status of a batch, at once or when it has ended',
  query,
  responses: {
    200: {
      description: 'Where it stands. `summary` is there when it has ended.',
      schema: batchStatusSchema,
    },
  },
  problems: ['UNKNOWN_REFERENCE'],
  async handle(services, call) {
    const { queues } = services;
    const { caller, reference, query } = call;
    await checkVisible(queues, caller, reference);
    if (query.wait) await waitForEnd(services, call, query.wait * 1000);
    const status = await queues.link.run(() => readBatchStatus(queues, reference));
    if (query.wait) await checkStillVisible(queues, caller, reference);
    return { status: 200, body: withoutPerson(status) };
  },
});

/** Callers are told why it is cancelled, as the event tells them, and not the name of a person. */
function withoutPerson({ cancelRequested, ...status }: BatchStatus): BatchStatus {
  if (!cancelRequested) return status;
  return { ...status, cancelRequested: { reason: cancelRequested.reason } };
}

/** Returns when the batch has ended, when the time is over, or when the server stops. */
async function waitForEnd(
  { watcher, closing }: ApiServices,
  { reference, signal, holdOpen, allowSilence }: ApiCall<Query>,
  timeoutMs: number,
): Promise<void> {
  const close = holdOpen('wait');
  allowSilence(timeoutMs);
  try {
    await withEither([signal, closing], (either) =>
      watcher.wait(reference, { timeoutMs, signal: either }),
    );
  } catch (error) {
    const isOver = error instanceof WaitTimeoutError || error === closing.reason;
    if (!isOver) throw error;
  } finally {
    close();
  }
}
