/**
 * Brings the event of a batch to the webhook again. The body is the same and has the same id, so a receiver
 * that had it knows it.
 */
import { ErrorCode, type Job } from 'bullmq';
import { hasCode } from '../../errors.js';
import { batchJobId } from '../../jobs/ids.js';
import { COMPLETED_EVENT, FAILED_EVENT } from '../../jobs/queues.js';
import { type WebhookPayload, webhookPayload } from '../../jobs/state/webhook-state.js';
import { redisTimeMs } from '../../redis/clock.js';
import { promote } from '../../redis/promote.js';
import type { ClientQueues } from '../client-queues.js';
import { eventJobIdsOf, stateOf, summaryOf } from '../find-summary.js';

/** What became of the request to send the latest event of a batch again. */
export interface RedeliverResult {
  /**
   * `queued`: a worker that has a webhook sends it now. `running`: the batch has no event yet. `unknown`: neither
   * the batch nor an event of it is kept, or none that is given up, where those are asked for.
   */
  status: 'queued' | 'running' | 'unknown';
  /** The reference that was asked for. */
  reference: string;
  /** The `webhook-id` that it comes with; null when nothing is sent. */
  eventId: string | null;
}

export async function redeliverLatest(
  queues: ClientQueues,
  reference: string,
): Promise<RedeliverResult> {
  const latest = await latestEvent(queues, reference);
  if (!latest) {
    const isKept = (await queues.batches.getJob(batchJobId(reference))) !== undefined;
    return { status: isKept ? 'running' : 'unknown', reference, eventId: null };
  }
  await send(queues, latest);
  const { eventId } = latest.payload.data;
  return { status: 'queued', reference, eventId };
}

/** Whether there is an event that could be sent, also when the batch itself is no longer kept. */
export async function hasEvent(queues: ClientQueues, reference: string): Promise<boolean> {
  return (await latestEvent(queues, reference)) !== null;
}

/** Sends each event of a batch again that was given up. */
export async function redeliverGivenUpOf(
  queues: ClientQueues,
  reference: string,
): Promise<RedeliverResult> {
  const { batches, webhooks } = queues;
  const ids = eventJobIdsOf(reference, await batches.getJob(batchJobId(reference)));
  const jobs = await Promise.all(ids.map((id) => webhooks.getJob(id)));
  const givenUp = jobs.flatMap((job) => (job?.finishedOn && job.failedReason ? [job] : []));
  for (const job of givenUp) await sendAgain(job);
  const latest = givenUp.at(-1);
  if (!latest) return { status: 'unknown', reference, eventId: null };
  return { status: 'queued', reference, eventId: latest.data.data.eventId };
}

export interface KnownEvent {
  jobId: string;
  payload: WebhookPayload;
}

/** The event of the latest outcome, also when it never was for a webhook. */
async function latestEvent(queues: ClientQueues, reference: string): Promise<KnownEvent | null> {
  const job = await queues.batches.getJob(batchJobId(reference));
  const ofJob = job && eventOfJob(job, reference);
  if (ofJob) return ofJob;
  const ids = eventJobIdsOf(reference, job);
  const events = await Promise.all(ids.map((id) => knownEvent(queues, id, null)));
  const [latest] = events
    .filter((event) => event !== null)
    .sort((a, b) => b.payload.timestamp.localeCompare(a.payload.timestamp));
  return latest ?? null;
}

/** As it is kept for the webhook or for consumers; or made from the batch's job, when it is of its latest outcome. */
export async function knownEvent(
  { batches, completions, webhooks }: ClientQueues,
  jobId: string,
  reference: string | null,
): Promise<KnownEvent | null> {
  const [kept, event] = await Promise.all([webhooks.getJob(jobId), completions.getJob(jobId)]);
  if (kept) return { jobId, payload: kept.data };
  if (event) return { jobId, payload: webhookPayload(event.name, event.data) };
  if (reference === null) return null;
  const job = await batches.getJob(batchJobId(reference));
  const ofJob = job && eventOfJob(job, reference);
  return ofJob?.jobId === jobId ? ofJob : null;
}

function eventOfJob(job: Job<unknown>, reference: string): KnownEvent | null {
  const outcome = stateOf(job)?.outcome;
  const summary = outcome && summaryOf(job, reference);
  if (!summary) return null;
  const name = summary.status === 'completed' ? COMPLETED_EVENT : FAILED_EVENT;
  return { jobId: outcome.eventJobId, payload: webhookPayload(name, summary) };
}

export async function send(
  { link, webhooks }: ClientQueues,
  { jobId, payload }: KnownEvent,
): Promise<void> {
  const job = await webhooks.getJob(jobId);
  if (job) {
    await sendAgain(job);
    return;
  }
  // How long it waits counts from there. BullMQ would take the host's clock.
  const timestamp = Math.floor(await redisTimeMs(link.redis));
  // When it is done it is kept as long as the others: workers remove those by their age.
  await webhooks.add(payload.type, payload, { jobId, timestamp });
}

/** For another day. @returns Whether it is there. One that waits goes out at once. */
export async function sendAgain(job: Job<WebhookPayload>): Promise<boolean> {
  if (job.finishedOn === undefined) {
    await promote(job);
    return true;
  }
  try {
    await job.retry(job.failedReason ? 'failed' : 'completed');
  } catch (error) {
    if (hasCode(error, ErrorCode.JobNotExist)) return false;
    // Somebody else was faster.
    if (!hasCode(error, ErrorCode.JobNotInState)) throw error;
  }
  return true;
}
