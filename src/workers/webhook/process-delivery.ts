/**
 * The job of the `atlas-webhooks` queue: POSTs a completion event, again and again until it is
 * delivered, the receiver wants no more of it, or a day is over. Only the last two fail the job;
 * between attempts it sleeps under the same id.
 */
import type { Config } from '../../config/config.js';
import { secretsOf } from '../../config/fields.js';
import { proxiesOf } from '../../config/proxy-fields.js';
import { proxyAdvice } from '../../http/proxy.js';
import { WEBHOOKS_QUEUE } from '../../jobs/queues.js';
import {
  newWebhookState,
  type WebhookPayload,
  type WebhookState,
} from '../../jobs/state/webhook-state.js';
import { plural } from '../../plural.js';
import type { WorkerContext } from '../context.js';
import { createProcessor, type StepEntry, type StepResult } from '../runtime/run-step.js';
import type { Processor } from '../runtime/slot.js';
import { planWebhook, responseCode } from './next-attempt.js';
import { createWebhookSender, type WebhookSender } from './post-webhook.js';

/** POSTs at once per process. A receiver that hangs holds up these, and nothing else. */
export const WEBHOOK_CONCURRENCY = 10;

/** The specification gives a receiver 15 s at least. A worker that stops has time for that. */
const WEBHOOK_TIMEOUT_MS = 15_000;

/** Return value of a job that is done. */
export interface WebhookReceipt {
  attempts: number;
  status: string;
}

/** Processor of the `atlas-webhooks` queue. */
export function createWebhookProcessor(
  context: WorkerContext,
  sender: WebhookSender,
): Processor<WebhookPayload, WebhookReceipt> {
  return createProcessor(context, {
    queueName: WEBHOOKS_QUEUE,
    newState: (job) => newWebhookState(job.attemptsMade, context.clock.now()),
    digest: ({ failures }) => ({ failures }),
    step: (entry) => attemptDelivery(context, sender, entry),
  });
}

/** One attempt. */
async function attemptDelivery(
  context: WorkerContext,
  sender: WebhookSender,
  { job, lease, state: stored, signal }: StepEntry<WebhookPayload, WebhookState>,
): Promise<StepResult<WebhookReceipt>> {
  const { clock, logger, lines, metrics, random, receiver } = context;
  const state =
    stored.startedAtAttempt === job.attemptsMade
      ? stored
      : newWebhookState(job.attemptsMade, clock.now());

  const eventId = job.data.data.eventId ?? lease.jobId;
  const webhook = { eventId, body: JSON.stringify(job.data), nowMs: clock.now() };
  const response = await sender.send(webhook, signal);
  const code = responseCode(response);
  metrics.webhookAttempts.inc({ code });

  const attempts = state.failures + 1;
  const failed = { ...state, failures: attempts };
  const decision = planWebhook(response, failed, clock.now(), random);
  const fields = { eventId, code, attempts };
  if (decision.next === 'delivered') {
    receiver.delivered(clock.now());
    await lease.save(state, `attempt ${attempts}: ${code}, delivered`);
    metrics.webhooks.inc({ result: 'delivered' });
    logger.debug(fields, `webhook of ${lease.jobId} delivered`);
    return { kind: 'finished', value: { attempts, status: code } };
  }
  receiver.failed(clock.now(), code);
  if (decision.next === 'retry') {
    const advice = proxyAdvice(code);
    const why = advice === undefined ? code : `${code} (${advice})`;
    const line = `attempt ${attempts}: ${why}, next in ${Math.ceil(decision.delayMs / 1000)} s`;
    await lease.save(failed, line);
    const message = `webhook of ${lease.jobId}: ${line}`;
    lines.add({ level: 'warn', kind: `webhook ${code}`, fields, message });
    return { kind: 'sleep', delayMs: decision.delayMs };
  }
  const line = `given up after ${plural(attempts, 'attempt')}: ${code}, ${decision.why}`;
  await lease.save(failed, line);
  metrics.webhooks.inc({ result: 'given-up' });
  logger.error(fields, `webhook of ${lease.jobId} ${line}`);
  return { kind: 'failed', message: line };
}

/** Undefined when the configuration has no webhook. */
export function webhookSenderOf(config: Config): WebhookSender | undefined {
  const { COMPLETION_WEBHOOK_URL: first } = config;
  if (first === null) return undefined;
  return createWebhookSender({
    url: () => config.COMPLETION_WEBHOOK_URL ?? first,
    secrets: () => secretsOf(config.COMPLETION_WEBHOOK_SECRET),
    proxies: proxiesOf(config),
    connections: WEBHOOK_CONCURRENCY,
    timeoutMs: WEBHOOK_TIMEOUT_MS,
  });
}
