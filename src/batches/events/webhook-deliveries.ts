/** How the events of a batch came to the webhook: each attempt, as its job has noted it. */
import type { Job } from 'bullmq';
import { batchJobId } from '../../jobs/ids.js';
import type { WebhookPayload } from '../../jobs/state/webhook-state.js';
import type { ClientQueues } from '../client-queues.js';
import { eventJobIdsOf } from '../find-summary.js';

export interface WebhookDelivery {
  /** The `webhook-id`. */
  eventId: string;
  /** `batch.completed` or `batch.failed`. */
  type: string;
  /** `waiting`: for its first attempt or for the next one. `given-up`: it is not tried again by itself. */
  state: 'waiting' | 'delivered' | 'given-up';
  /** When the next attempt is due, Redis time in ms; null when none is, or at once. */
  nextAttemptAt: number | null;
  /** A line each, the oldest first; `<ISO 8601> <what came of it>`. */
  attempts: string[];
}

/** Attempts of a day: a line each, but for those of an hour that fails fast. */
const LINES_READ = 100;

/** Of its latest events that are kept, the last one first. */
export async function readWebhookDeliveries(
  { batches, webhooks }: ClientQueues,
  reference: string,
): Promise<WebhookDelivery[]> {
  const ids = eventJobIdsOf(reference, await batches.getJob(batchJobId(reference)));
  const jobs = await Promise.all(ids.map((id) => webhooks.getJob(id)));
  const known = jobs.filter((job) => job !== undefined).reverse();
  return Promise.all(
    known.map(async (job) => {
      const { logs } = await webhooks.getJobLogs(job.id ?? '', 0, LINES_READ - 1, false);
      return { ...describe(job), attempts: logs.reverse() };
    }),
  );
}

function describe(job: Job<WebhookPayload>): Omit<WebhookDelivery, 'attempts'> {
  const { type, data } = job.data;
  const eventId = data.eventId ?? job.id ?? '';
  if (job.finishedOn !== undefined) {
    const state = job.failedReason ? 'given-up' : 'delivered';
    return { eventId, type, state, nextAttemptAt: null };
  }
  const wasTried = job.delay > 0 && job.processedOn !== undefined;
  const nextAttemptAt = wasTried ? (job.processedOn ?? 0) + job.delay : null;
  return { eventId, type, state: 'waiting', nextAttemptAt };
}
