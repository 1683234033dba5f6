/** `GET /batches`: a list by a filter, page by page. */
import { z } from 'zod';
import { type ListOptions, listBatches, MAX_LIMIT } from '../../../batches/lists/list-batches.js';
import { listedBatchSchema } from '../../../batches/lists/listed-batch-schema.js';
import { UsageError } from '../../../errors.js';
import { type Caller, maySee } from '../access.js';
import { operation } from '../operation.js';
import { ApiProblem, invalid } from '../problem.js';
import { createCursorSeal } from '../sealed-cursor.js';

const NOT_A_CURSOR = 'the cursor is none of this list: begin again without one';

const several = z.string().transform((text) => text.split(','));
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const query = z.strictObject({
  state: several
    .optional()
    .describe(
      'queued, submitting, in-line, processing, completed, failed, cancelled; or waiting, in-flight, running, ended. Several with commas in between.',
    ),
  code: several.optional().describe('Why they failed. Several with commas in between.'),
  productType: z.string().optional(),
  tenant: several
    .optional()
    .describe('Whose they are; empty: of nobody. Several with commas in between.'),
  priority: several.optional().describe('urgent, normal, bulk. Several with commas in between.'),
  since: instant.optional().describe('Ended then or later or, if they have not ended, were added.'),
  until: instant
    .optional()
    .describe('Ended then or earlier or, if they have not ended, were added.'),
  text: z
    .string()
    .optional()
    .describe(
      'In the reference, in the id or the place of a document; or the id of an Atlas batch.',
    ),
  sort: z
    .enum(['newest', 'oldest', 'deadline'])
    .optional()
    .describe('deadline: nearest first, of those whose deadline runs. Default: newest.'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .optional()
    .describe('Batches of one page. Default: 25.'),
  cursor: z.string().optional().describe('`next` of the page before, of the same filter.'),
});

type Query = z.infer<typeof query>;

export const batchListSchema = z.object({
  batches: z
    .array(listedBatchSchema)
    .describe('Fewer than were asked for when the search took too long.'),
  next: z.string().nullable().describe('The cursor of the next page; null when there is none.'),
});

export const listOperation = operation<Query>({
  operationId: 'listBatches',
  method: 'GET',
  path: '/batches',
  action: 'read',
  summary: 'Lists batches',
  query,
  responses: { 200: { description: 'A page of the list.', schema: batchListSchema } },
  problems: [],
  async handle({ queues }, { caller, query: { cursor, ...filter } }) {
    const seal = createCursorSeal(queues);
    const from = cursor === undefined ? undefined : await seal.open(cursor);
    if (from === null) throw invalid('INVALID_REQUEST', [NOT_A_CURSOR]);
    // What a filter takes is checked by the list, for all who ask for one.
    const options = { ...filter, tenant: tenantsFor(caller, filter.tenant), cursor: from };
    const { batches, next } = await queues.link
      .run(() => listBatches(queues, options as ListOptions))
      .catch((error) => {
        throw error instanceof UsageError ? invalid('INVALID_REQUEST', [error.message]) : error;
      });
    const body = {
      // A reference may have been used again, by others, since it was found.
      batches: batches.filter(({ tenant }) => maySee(caller, tenant)),
      next: next === null ? null : await seal.seal(next),
    };
    return { status: 200, body };
  },
});

/** @throws ApiProblem when others are asked for than the token is of. */
function tenantsFor({ tenant }: Caller, asked: string[] | undefined): string[] | undefined {
  if (tenant === null) return asked;
  if (asked?.some((one) => one !== tenant)) {
    throw new ApiProblem('FORBIDDEN', { detail: 'the token is of another tenant' });
  }
  return [tenant];
}
