/** `DELETE /batches/{reference}`: erases an ended batch, and proves it. */
import { z } from 'zod';
import { audited } from '../../../batches/audit.js';
import { describeErasure, type ErasureCertificate } from '../../../batches/erase/erase-batch.js';
import { UnknownReferenceError } from '../../../errors.js';
import { MAX_REASON_LENGTH } from '../../../jobs/audit-record.js';
import { eraseFor } from '../../erase.js';
import { auditorOf } from '../auditor.js';
import { checkVisible } from '../find-tenant.js';
import { operation } from '../operation.js';
import { ApiProblem } from '../problem.js';

const query = z.strictObject({
  reason: z
    .string()
    .max(MAX_REASON_LENGTH)
    .optional()
    .describe('For the audit log. It is kept, so it must name nobody.'),
});

const count = z.int().min(0);

const certificateSchema = z.object({
  erasedAt: z.iso.datetime(),
  addedAt: z.iso.datetime().nullable().describe('Null when that is not known any more.'),
  digest: z
    .string()
    .describe(
      'SHA-256 in hex of `<reference>@<addedAt in ms since 1970>`; of the reference alone without addedAt.',
    ),
  removed: z.object({ jobs: count, keys: count, entries: count, objectVersions: count }),
}) satisfies z.ZodType<ErasureCertificate>;

export const erasedSchema = z.object({
  status: z.literal('erased'),
  reference: z.string(),
  certificate: certificateSchema.describe('It names nobody to who does not know the reference.'),
});

export const eraseOperation = operation<z.infer<typeof query>>({
  operationId: 'eraseBatch',
  method: 'DELETE',
  path: '/batches/{reference}',
  action: 'erase',
  summary: 'Erases an ended batch',
  description:
    'Results with every version, jobs, events and keys. Safe to repeat when it fails on the way.',
  query,
  responses: { 200: { description: 'It is erased.', schema: erasedSchema } },
  problems: ['UNKNOWN_REFERENCE', 'STILL_RUNNING'],
  async handle(services, call) {
    const { queues } = services;
    const { caller, reference, query } = call;
    await checkVisible(queues, caller, reference);
    const reason = query.reason?.trim() || undefined;
    const { status, certificate } = await audited(
      queues,
      auditorOf(services, call),
      { action: 'erase', reference, reason },
      () => eraseFor(services, reference, caller.tenant ?? undefined),
      describeErasure,
    );
    if (status === 'unknown') throw new UnknownReferenceError(reference);
    if (status === 'running') throw new ApiProblem('STILL_RUNNING');
    return { status: 200, body: { status, reference, certificate } };
  },
});
