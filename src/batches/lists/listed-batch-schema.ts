/** A batch of a list as a schema, from which the document of the HTTP API is made. */
import { z } from 'zod';
import { PRIORITIES } from '../../jobs/request/request.js';
import { reasonSchema } from '../../jobs/schemas.js';
import { LISTED_STATES } from '../../jobs/state/listed-facts.js';
import { deadlineSchema, linePlaceSchema } from '../status/status-schema.js';
import type { ListedBatch } from './list-batches.js';

const count = z.int().min(0);
const instant = z.iso.datetime();

export const listedBatchSchema = z.object({
  reference: z.string().nullable().describe('Null when the id of the job is none of a batch.'),
  jobId: z.string().describe('Of its job in the queue.'),
  state: z.enum(LISTED_STATES).describe('cancelled is a failure that somebody asked for.'),
  productType: z.string().nullable(),
  tenant: z.string().nullable(),
  priority: z.enum(PRIORITIES),
  documents: z.object({ total: count, sent: count, present: count }),
  atlasBatchIds: z.array(z.string()),
  addedAt: instant,
  endedAt: instant.nullable().describe('Null until the batch has ended.'),
  nextPollAt: instant.nullable(),
  line: linePlaceSchema.nullable().describe('Null when nothing of it is in line.'),
  deadline: deadlineSchema.nullable().describe('When it has to have ended; null once it has.'),
  reason: reasonSchema.nullable().describe('Why it failed.'),
  lastError: reasonSchema.nullable().describe('The error that delays it.'),
}) satisfies z.ZodType<ListedBatch>;
