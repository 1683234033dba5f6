/** The status of a batch as a schema, from which the document of the HTTP API is made. */
import { z } from 'zod';
import { PRIORITIES } from '../../jobs/request/request.js';
import { reasonSchema, summarySchema } from '../../jobs/schemas.js';
import type { BatchDeadline } from './deadline.js';
import type { LinePlace } from './line-place.js';
import type { RequestedCancel } from './requested-cancel.js';
import type { BatchStatus } from './status.js';
import type { UploadStatus } from './upload-status.js';

const count = z.int().min(0);
const instant = z.iso.datetime();

export const linePlaceSchema = z.object({
  place: z.int().min(1).describe('Of its first upload in line; 1 is the head.'),
  uploads: count.describe('Uploads in line, of all batches.'),
  why: z.enum(['limit', 'quota', 'pause', 'outage', 'worker']),
  until: instant.nullable().describe('When that ends by itself; null when nobody knows.'),
  unknown: z
    .object({
      documents: count.describe('So many keep their room though nobody awaits them.'),
      until: instant.describe(
        'When the first of them give it back; sooner where their batch ends.',
      ),
    })
    .optional()
    .describe('Of a limit that is reached: uploads of which nobody knows whether Atlas has them.'),
}) satisfies z.ZodType<LinePlace>;

export const deadlineSchema = z.object({
  at: instant
    .nullable()
    .describe('Null before a worker has begun the batch, and while the deadline stands still.'),
  leftMs: count
    .nullable()
    .describe('How much is left of one that stands still, since an upload waits in line.'),
  extendedMs: count.describe(
    'How much more time than others it was given, all extensions together.',
  ),
  stoodMs: count.describe('How long it has stood still in this run, up to when it last went on.'),
}) satisfies z.ZodType<BatchDeadline>;

const requestedCancelSchema = z.object({
  reason: z.string().nullable().describe('Null where nobody gave one.'),
}) satisfies z.ZodType<RequestedCancel>;

const uploadStatusSchema = z.object({
  state: z.enum(['planned', 'sending', 'sent', 'ended', 'refused']),
  round: z.int().min(1).describe('1 for the first; later ones send only what was missing.'),
  atlasBatchId: z.string().nullable().describe("Atlas's `batch_id`; null before its response."),
  documents: z.object({ total: count, present: count }),
  polls: count,
  nextPollAt: instant.nullable(),
  result: z.enum(['complete', 'incomplete', 'cancelled', 'rejected']).nullable(),
  reason: reasonSchema.nullable(),
}) satisfies z.ZodType<UploadStatus>;

export const batchStatusSchema = z.object({
  reference: z.string(),
  state: z
    .enum(['queued', 'submitting', 'in-line', 'processing', 'completed', 'failed'])
    .describe(
      'queued: no worker has begun. submitting: documents are checked and sent. in-line: an upload waits for its turn. processing: Atlas is at work.',
    ),
  productType: z.string().nullable(),
  tenant: z.string().nullable().describe('Null when it names none, or its job is no longer kept.'),
  priority: z.enum(PRIORITIES).nullable().describe('Null when its job is no longer kept.'),
  documents: z.object({ total: count, sent: count, present: count }),
  uploads: z.array(uploadStatusSchema),
  polls: count,
  nextPollAt: instant.nullable(),
  submittedAt: instant.nullable().describe('When the first upload was sent.'),
  line: linePlaceSchema
    .nullable()
    .describe(
      'Null when nothing of it is in line, and for a batch in-line whose turn has come, until a worker takes it.',
    ),
  deadline: deadlineSchema.nullable().describe('When it has to have ended; null once it has.'),
  cancelRequested: requestedCancelSchema
    .optional()
    .describe('Somebody has asked for its cancel, which happens when a worker takes it.'),
  lastError: reasonSchema.nullable().describe('The error that delays the batch.'),
  summary: summarySchema.nullable().describe('Null until the batch has ended.'),
}) satisfies z.ZodType<BatchStatus>;
