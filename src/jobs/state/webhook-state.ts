/** The job that brings one completion event to the webhook's receiver. */
import type { BatchSummary } from '../summary.js';

/**
 * Data of a job in `atlas-webhooks`, and the body of the POST. The job's id is that of the event,
 * its name is `type`.
 */
export interface WebhookPayload {
  type: string;
  /** When the batch ended, ISO 8601. */
  timestamp: string;
  data: BatchSummary;
}

/** The receiver's word for "never again": its event is given up at once. */
export const RECEIVER_GONE = 410;

/** Progress of such a job, written by the webhook processor alone, under the job's lock. */
export interface WebhookState {
  v: 1;
  /** `attemptsMade` when this run began; a greater one on entry is an operator's retry. */
  startedAtAttempt: number;
  /** When this run made its first attempt, Redis time in ms: the day counts from here. */
  startedAt: number;
  /** Attempts of this run that failed. */
  failures: number;
}

export function webhookPayload(type: string, data: BatchSummary): WebhookPayload {
  return { type, timestamp: data.completedAt, data };
}

export function newWebhookState(attemptsMade: number, now: number): WebhookState {
  return { v: 1, startedAtAttempt: attemptsMade, startedAt: now, failures: 0 };
}
