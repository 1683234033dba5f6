/**
 * Summaries and results as schemas, from which the published JSON Schemas are made. The compiler
 * holds them to their types. Objects are open, so that a consumer accepts what a later version adds.
 */
import { z } from 'zod';
import { REASON_CODES, type Reason } from '../errors.js';
import type { BatchSummary } from './summary.js';

const count = z.int().min(0);
const instant = z.iso.datetime();

export const reasonSchema = z
  .object({
    code: z.enum(REASON_CODES).describe('For programs.'),
    message: z.string().describe('For people. Names every issue.'),
  })
  .describe('Why the batch failed.') satisfies z.ZodType<Reason>;

const eventId = z
  .string()
  .describe('Unique for ever, also when a reference is used again: work is done once per id.');

export const summarySchema = z.object({
  eventId: eventId.nullable(),
  reference: z.string().nullable().describe('Null when the job named none that is valid.'),
  status: z.enum(['completed', 'failed']),
  reason: reasonSchema.optional().describe('Only when failed.'),
  productType: z.string().nullable(),
  batchIds: z.array(z.string()).describe('Ids that Atlas gave, in the order of the uploads.'),
  documents: z.object({
    total: count,
    sent: count.describe('Documents that went to Atlas, repeats included.'),
    present: count.describe('Documents with at least one extract.'),
    missing: z.array(z.string()).describe("The caller's ids of documents that never came."),
  }),
  results: z
    .array(z.string())
    .describe('s3:// URIs of the stored results, one per Atlas batch; the keys as they are.'),
  submittedAt: instant.nullable().describe('When the first upload was sent; null when none was.'),
  completedAt: instant.describe('When the batch ended.'),
  metadata: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'As in the request; only when the request had some, and not in the return value of the job.',
    ),
  late: z
    .literal(true)
    .optional()
    .describe('The event is of documents that came after the batch had ended INCOMPLETE.'),
  polls: count.describe('Polls of Atlas, over all uploads.'),
}) satisfies z.ZodType<BatchSummary>;

/** Data of a `batch.completed` job, and return value of the `batch` job. */
export const completedEventSchema = summarySchema
  .omit({ reason: true })
  .extend({ eventId, status: z.literal('completed') });

/** Data of a `batch.failed` job: with whatever was obtained until then. */
export const failedEventSchema = summarySchema.extend({
  eventId,
  status: z.literal('failed'),
  reason: reasonSchema,
});

export const resultDocumentSchema = z.object({
  documentId: z.string().describe("The caller's own id."),
  extracts: z
    .array(z.looseObject({}))
    .min(1)
    .describe(
      'file_data of each extract as Atlas sent it. Numbers may be longer than a double holds.',
    ),
});

/** A results object in S3. */
export const resultsSchema = z.object({
  reference: z.string(),
  batchId: z.string(),
  productType: z.string(),
  documents: z.array(resultDocumentSchema).describe('In the order of the job.'),
  missing: z.array(z.string()).describe("The caller's ids of documents without an extract."),
  unexpected: z
    .array(resultDocumentSchema)
    .describe(
      'Extracts whose id was never sent, so that nothing is lost. Of one Atlas batch the first 1,000.',
    ),
  unreadable: z
    .array(z.object({ documentId: z.string().nullable(), reason: z.string() }))
    .describe('Items that Atlas sent and nobody can read, and extracts of which a part was lost.'),
});
