/** What a response of the webhook's receiver leads to. Pure. */
import { retryAfterMs } from '../../http/retry-after.js';
import { RECEIVER_GONE, type WebhookState } from '../../jobs/state/webhook-state.js';
import { backoffMs } from '../runtime/backoff.js';

/** What came of one POST. */
export type WebhookResponse =
  | { kind: 'response'; status: number; retryAfter: string | undefined }
  /** `code` is the system's or undici's name for it, such as `ECONNREFUSED`. */
  | { kind: 'failed'; code: string };

export type WebhookDecision =
  | { next: 'delivered' }
  | { next: 'retry'; delayMs: number }
  | { next: 'give-up'; why: string };

const TRYING_MS = 24 * 3_600_000;
/** Seconds bridge a restart of the receiver; an hour is often enough for one that is down. */
const BACKOFF = { baseMs: 2000, capMs: 3_600_000 };
/** A longer Retry-After is cut to this. Waiting longer would only cost attempts of the day. */
const MAX_RETRY_AFTER_MS = BACKOFF.capMs;

/**
 * @param state With this attempt counted, if it failed.
 * @param nowMs Redis time.
 * @param random Uniform in [0, 1).
 */
export function planWebhook(
  response: WebhookResponse,
  { startedAt, failures }: WebhookState,
  nowMs: number,
  random: () => number,
): WebhookDecision {
  const { status, retryAfter } =
    response.kind === 'response' ? response : { status: null, retryAfter: undefined };
  if (status !== null && status >= 200 && status < 300) return { next: 'delivered' };
  if (status === RECEIVER_GONE) return { next: 'give-up', why: 'the receiver wants no more of it' };
  const left = startedAt + TRYING_MS - nowMs;
  if (left <= 0) return { next: 'give-up', why: 'a day of trying is over' };
  const askedMs = retryAfterMs(retryAfter, nowMs, MAX_RETRY_AFTER_MS) ?? 0;
  const delayMs = Math.max(askedMs, backoffMs(failures, BACKOFF, random));
  // The last attempt is made when the day is over, not before.
  return { next: 'retry', delayMs: Math.min(left, delayMs) };
}

/** For people, and as a label of metrics. */
export function responseCode(response: WebhookResponse): string {
  return response.kind === 'response' ? String(response.status) : response.code;
}
