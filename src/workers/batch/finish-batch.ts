/**
 * The end of a batch: exactly one event, whatever dies on the way. The outcome is saved first,
 * with the id of its event; so every later run of this step does the same again.
 */
import { describeReason, type Reason } from '../../errors.js';
import type { BatchOutcome } from '../../jobs/batch-state.js';
import { eventId, nthEventJobId } from '../../jobs/ids.js';
import { COMPLETED_EVENT, FAILED_EVENT } from '../../jobs/queues.js';
import {
  type BatchSummary,
  type EndedBatchState,
  summarize,
  summarizeInvalid,
} from '../../jobs/summary.js';
import { webhookPayload } from '../../jobs/webhook-state.js';
import { resultsRoot, resultUri } from '../../storage/results/results-key.js';
import type { StepResult } from '../runtime/run-step.js';
import { clearEarlierCancelFlag } from '../runtime/signals.js';
import type { BatchEntry } from './batch-context.js';
import { leaveGate } from './gate-turn.js';
import { beginRetry, endRun } from './transitions.js';

/**
 * A handler that fails is called again after a second, two, four …, with jitter, twenty times in
 * all: about six days, within the default `COMPLETIONS_TTL_MS`.
 */
const EVENT_ATTEMPTS = 20;
const EVENT_BACKOFF = { type: 'exponential', delay: 1000, jitter: 0.5 };

/** Decides the outcome, saves it, and announces it. */
export async function endBatch(
  batch: BatchEntry,
  status: 'completed' | 'failed',
  reason?: Reason,
): Promise<StepResult<BatchSummary>> {
  const outcome = await saveOutcome(batch, status, reason);
  batch.context.metrics.batches.inc({ status, code: reason?.code ?? '' });
  return announce(batch, outcome);
}

/** With the first event's id that is free, later than those of the job's earlier outcomes. */
async function saveOutcome(
  batch: BatchEntry,
  status: 'completed' | 'failed',
  reason?: Reason,
): Promise<BatchOutcome> {
  const { completions, webhooks, store, config, clock } = batch.context;
  const line = reason ? `${status}: ${describeReason(reason)}` : status;
  for (let n = batch.state.outcomes + 1; ; n += 1) {
    const endedAt = clock.now();
    const outcome: BatchOutcome = {
      status,
      ...(reason && { reason }),
      eventId: eventId(batch.firstEventJobId, endedAt),
      eventJobId: nthEventJobId(batch.firstEventJobId, n),
      attemptsMade: batch.job.attemptsMade,
      endedAt,
      resultsRoot: resultsRoot(store.resultsBucket, config.RESULTS_PREFIX),
      announced: false,
    };
    batch.state = endRun(batch.state, outcome);
    // An event that its consumer removed may still be kept for the webhook.
    const taken = [completions.toKey(outcome.eventJobId), webhooks.toKey(outcome.eventJobId)];
    if (await batch.lease.saveIfAbsent(taken, batch.state, line)) return outcome;
  }
}

/** Adds the event of a saved outcome and finishes the job. Safe to run again at any point. */
export async function announce(
  batch: BatchEntry,
  outcome: BatchOutcome,
): Promise<StepResult<BatchSummary>> {
  const { context, job, lease, request, reference } = batch;
  const state: EndedBatchState = { ...batch.state, outcome };
  const { config, completions, webhooks, pollJobPruner } = context;
  await leaveGate(batch);
  const summary = request
    ? summarize(request, state, (atlasBatchId) =>
        resultUri(outcome.resultsRoot, request.reference, atlasBatchId),
      )
    : summarizeInvalid(job.data, state, reference);

  if (!outcome.announced) {
    const name = outcome.status === 'completed' ? COMPLETED_EVENT : FAILED_EVENT;
    const keep = { age: Math.ceil(config.COMPLETIONS_TTL_MS / 1000) };
    const options = { jobId: outcome.eventJobId, removeOnComplete: keep, removeOnFail: keep };
    // What is the caller's own goes to whoever handles the event, and not into the job as well.
    const event = request?.metadata ? { ...summary, metadata: request.metadata } : summary;
    if (config.COMPLETION_WEBHOOK_URL !== null) {
      await webhooks.add(name, webhookPayload(name, event), options);
    }
    await completions.add(name, event, {
      ...options,
      attempts: EVENT_ATTEMPTS,
      backoff: EVENT_BACKOFF,
    });
    batch.state = endRun(state, { ...outcome, announced: true });
    // Not waited for: it goes out before the job's end over the same connection, and a worker that
    // has lost the job cannot end it either.
    lease.save(batch.state).catch(() => {});
    const { total, present } = summary.documents;
    context.metrics.documents.inc({ state: 'present' }, present);
    context.metrics.documents.inc({ state: 'missing' }, total - present);
  }
  if (request && outcome.status === 'completed') {
    const owner = { reference: request.reference, timestamp: job.timestamp };
    pollJobPruner.prune({ owner, batchIds: summary.batchIds });
  }
  context.logger.info(
    {
      reference: summary.reference,
      status: outcome.status,
      code: outcome.reason?.code,
      eventId: outcome.eventId,
    },
    `batch ${summary.reference ?? job.id} ${outcome.status}`,
  );

  // Producers may have set options of their own; retention and attempts are ours to decide.
  job.opts.removeOnComplete = { age: config.KEEP_COMPLETED_SECONDS };
  job.opts.removeOnFail = { age: config.KEEP_FAILED_SECONDS };
  if (outcome.reason) {
    return { kind: 'failed', message: describeReason(outcome.reason) };
  }
  return { kind: 'finished', value: summary };
}

/** An operator's retry of a failed batch. */
export async function retryBatch(batch: BatchEntry): Promise<void> {
  const { context, job, lease, request } = batch;
  if (request) await clearEarlierCancelFlag(context, request.reference, job);
  batch.state = beginRetry(batch.state, {
    startedAtAttempt: job.attemptsMade,
    stallsBefore: job.stalledCounter,
    startedAt: context.clock.now(),
  });
  const line = 'retried by an operator: reading what Atlas has, then sending the rest';
  await lease.save(batch.state, line);
}
