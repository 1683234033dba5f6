/**
 * The job of the `atlas-webhooks` queue: POSTs a completion event, again and again until it is
 * delivered, the receiver wants no more of it, or a day is over. Only the last two fail the job;
 * between attempts it sleeps under the same id.
 */
import { type Job, UnrecoverableError } from 'bullmq';
import { LockLostError } from '../../errors.js';
import { readState } from '../../jobs/batch-state.js';
import { WEBHOOKS_QUEUE } from '../../jobs/queues.js';
import {
  newWebhookState,
  type WebhookPayload,
  type WebhookState,
} from '../../jobs/webhook-state.js';
import type { WorkerContext } from '../context.js';
import { JobLease, NEWER_STATE_DELAY_MS } from '../runtime/job-lease.js';
import type { Processor } from '../runtime/queue-worker.js';
import { runJob } from '../runtime/run-step.js';
import { planWebhook, responseCode } from './next-attempt.js';
import type { WebhookSender } from './post-webhook.js';

/** POSTs at once, a process: a receiver that hangs holds this many, and nothing else. */
export const WEBHOOK_CONCURRENCY = 10;

/** The least that the specification gives a receiver; a worker has longer to stop. */
export const WEBHOOK_TIMEOUT_MS = 15_000;

/** Return value of a job that is done. */
export interface WebhookReceipt {
  attempts: number;
  status: string;
}

/** Processor of the `atlas-webhooks` queue. Throws nothing but BullMQ's control errors. */
export function createWebhookProcessor(
  context: WorkerContext,
  sender: WebhookSender,
): Processor<WebhookPayload, WebhookReceipt> {
  return async (job, slot) => {
    const { redis, config, logger, clock } = context;
    const lease = new JobLease<WebhookState>({
      redis,
      queueKey: `${config.QUEUE_PREFIX}:${WEBHOOKS_QUEUE}`,
      job,
      slot,
      clock,
      digest: ({ failures }) => ({ failures }),
    });
    return runJob(
      logger,
      lease.jobId,
      () => lease.giveBack(),
      () => deliver({ context, sender, job, lease, signal: slot.signal }),
    );
  };
}

interface Delivery {
  context: WorkerContext;
  sender: WebhookSender;
  job: Job<WebhookPayload>;
  lease: JobLease<WebhookState>;
  signal: AbortSignal;
}

async function deliver({ context, sender, job, lease, signal }: Delivery): Promise<WebhookReceipt> {
  const { clock, logger, metrics } = context;
  const stored = readState<WebhookState>(job.progress);
  if (stored.kind === 'newer') throw await lease.moveToDelayed(NEWER_STATE_DELAY_MS);
  const state =
    stored.kind === 'known' && stored.state.startedAtAttempt === job.attemptsMade
      ? stored.state
      : newWebhookState(job.attemptsMade, clock.now());

  const webhook = { eventId: lease.jobId, body: JSON.stringify(job.data), nowMs: clock.now() };
  const response = await sender.send(webhook, signal).catch((error) => {
    throw signal.aborted ? new LockLostError(lease.jobId) : error;
  });
  const code = responseCode(response);
  metrics.webhookAttempts.inc({ code });

  const attempts = state.failures + 1;
  const decision = planWebhook(
    response,
    { ...state, failures: attempts },
    clock.now(),
    context.random,
  );
  const fields = { eventId: lease.jobId, code, attempts };
  if (decision.next === 'delivered') {
    metrics.webhooks.inc({ result: 'delivered' });
    logger.debug(fields, `webhook of ${lease.jobId} delivered`);
    return { attempts, status: code };
  }
  state.failures = attempts;
  if (decision.next === 'retry') {
    const line = `attempt ${attempts}: ${code}, next in ${Math.ceil(decision.delayMs / 1000)} s`;
    await lease.save(state, line);
    logger.warn(fields, `webhook of ${lease.jobId}: ${line}`);
    throw await lease.moveToDelayed(decision.delayMs);
  }
  const line = `given up after ${attempts} attempts: ${code}, ${decision.why}`;
  await lease.save(state, line);
  metrics.webhooks.inc({ result: 'given-up' });
  logger.error(fields, `webhook of ${lease.jobId} ${line}`);
  throw new UnrecoverableError(line);
}
