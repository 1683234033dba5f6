/** Signatures of webhooks, after the Standard Webhooks specification 1.0.0. Pure. */
import { createHmac } from 'node:crypto';

export interface SignedContent {
  /** The same on every attempt; receivers tell repetitions by it. */
  eventId: string;
  body: string;
  /** When the attempt is made: receivers refuse what is older than minutes. */
  nowMs: number;
}

/** The headers that prove a body to be ours, and of now: a signature of each key. */
export function signWebhook(keys: readonly Buffer[], { eventId, body, nowMs }: SignedContent) {
  // Full stops divide what is signed, so the specification wants none in an id that others choose;
  // a reference may hold some.
  const id = eventId.replaceAll('.', '%2E');
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = keys.map((key) =>
    createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64'),
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
  };
}
