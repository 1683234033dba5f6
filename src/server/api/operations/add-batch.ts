/** `PUT /batches/{reference}`: adds a batch. Idempotent: the same batch again changes nothing. */
import { z } from 'zod';
import { addRequests } from '../../../client/enqueue.js';
import { batchRequestSchema, checkBatchRequest } from '../../../jobs/request/request.js';
import { isObject } from '../../../json.js';
import { withTenant } from '../access.js';
import { operation } from '../operation.js';
import { ApiProblem, invalid } from '../problem.js';

/** Ten thousand documents whose keys are as long as keys may be. */
const BATCH_LIMIT_BYTES = 16 * 1024 * 1024;

export const batchBodySchema = batchRequestSchema.extend({
  reference: batchRequestSchema.shape.reference
    .optional()
    .describe('May be left out: it is that of the path.'),
});

export const addedSchema = z.object({
  status: z
    .enum(['added', 'duplicate'])
    .describe('duplicate: the same batch was added before, and is not sent again.'),
  reference: z.string(),
});

export const addBatch = operation({
  operationId: 'addBatch',
  method: 'PUT',
  path: '/batches/{reference}',
  action: 'add',
  summary: 'Adds a batch',
  description:
    "Safe to repeat. The token's tenant is put on the batch. Beyond what a schema can say: documentId is unique in the batch.",
  body: {
    contentType: 'application/json',
    schema: batchBodySchema,
    description: 'The batch, without its reference.',
    limitBytes: BATCH_LIMIT_BYTES,
    required: true,
  },
  responses: {
    201: { description: 'It was added.', schema: addedSchema },
    200: {
      description: 'The same batch is known already; nothing was added.',
      schema: addedSchema,
    },
  },
  problems: ['INVALID_JOB', 'REFERENCE_TAKEN', 'TOO_LARGE'],
  async handle({ queues, logger }, { caller, reference, body, address }) {
    if (isObject(body) && body.reference !== undefined && body.reference !== reference) {
      throw invalid('INVALID_JOB', ['reference must be that of the path, or left out']);
    }
    const data = isObject(body) && !Array.isArray(body) ? { ...body, reference } : body;
    const check = checkBatchRequest(withTenant(caller, data));
    if (!check.valid) throw invalid('INVALID_JOB', check.issues);
    const [result] = await addRequests(queues, [check.request]);
    // Whose it is and what it holds stays untold: the reference may be that of another tenant.
    if (!result || result.status === 'conflict') throw new ApiProblem('REFERENCE_TAKEN');
    const { status } = result;
    logger.info({ actor: caller.name, reference, status, address }, 'a batch was sent by the API');
    return {
      status: status === 'added' ? 201 : 200,
      headers: { location: `/api/v1/batches/${reference}` },
      body: { status, reference },
    };
  },
});
