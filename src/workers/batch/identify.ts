/** Who a job of the `atlas-batches` queue is. */
import type { Job } from 'bullmq';
import {
  eventJobId,
  invalidEventJobId,
  REFERENCE_PATTERN,
  referenceOfBatchJobId,
} from '../../jobs/ids.js';
import { BATCH_JOB } from '../../jobs/queues.js';
import { type BatchRequest, checkBatchRequest } from '../../jobs/request/request.js';

interface Identity {
  request: BatchRequest | null;
  issues: string[];
  reference: string | null;
  firstEventJobId: string;
}

/** Who a job is: by its id, never by its data; and whether its data is a valid request for it. */
export function identify(job: Job<unknown>): Identity {
  const jobId = job.id ?? '';
  const check = checkBatchRequest(job.data);
  const issues = check.valid ? [] : [...check.issues];
  const named = (job.data as { reference?: unknown } | null | undefined)?.reference;
  const ofId = referenceOfBatchJobId(jobId);
  const agrees = ofId !== null && (named === undefined || named === ofId);
  if (!agrees) issues.push('the jobId must be batch-<reference>');
  if (job.name !== BATCH_JOB) issues.push(`the job must be named ${BATCH_JOB}`);
  const wellFormed = typeof named === 'string' && REFERENCE_PATTERN.test(named);
  return {
    request: check.valid && issues.length === 0 ? check.request : null,
    issues,
    reference: wellFormed ? named : null,
    firstEventJobId: agrees ? eventJobId(ofId) : invalidEventJobId(jobId),
  };
}
