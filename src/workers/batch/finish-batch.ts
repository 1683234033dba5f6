/**
 * The end of a batch: exactly one event, whatever dies on the way. The outcome is saved first,
 * with the id of its event; so every later run of this step does the same again.
 */
import { describeReason, type Reason } from '../../errors.js';
import { eventId, nthEventJobId, watchJobId } from '../../jobs/ids.js';
import { runModeKey } from '../../jobs/keys/redis-keys.js';
import { COMPLETED_EVENT, FAILED_EVENT, WATCH_JOB } from '../../jobs/queues.js';
import type { BatchOutcome } from '../../jobs/state/batch-state.js';
import { nextWatchAt, type WatchData } from '../../jobs/state/late-watch.js';
import { type RunMode, readRunMode } from '../../jobs/state/run-mode.js';
import { webhookPayload } from '../../jobs/state/webhook-state.js';
import {
  type BatchSummary,
  type EndedBatchState,
  summarize,
  summarizeInvalid,
} from '../../jobs/summary.js';
import { resultsRoot, resultUri } from '../../storage/results/results-key.js';
import type { StepResult } from '../runtime/run-step.js';
import { clearEarlierCancelFlag } from '../runtime/signals.js';
import type { BatchEntry } from './batch-context.js';
import { leaveGate } from './gate-turn.js';
import { noteOutcome } from './note-outcome.js';
import { awaitLate, beginRetry, endRun } from './transitions.js';

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
  const { metrics } = batch.context;
  metrics.batches.inc({ status, code: reason?.code ?? '' });
  metrics.batchSeconds.observe({ status }, (outcome.endedAt - batch.state.startedAt) / 1000);
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
  const mayAwait = config.LATE_RESULTS_FOR_MS > 0 && reason?.code === 'INCOMPLETE';
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
      ...(batch.state.late && { late: true as const }),
      announced: false,
    };
    batch.state = endRun(batch.state, outcome);
    // What comes late is awaited from the first such end on.
    if (mayAwait && !batch.state.late) batch.state = awaitLate(batch.state, endedAt);
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
  const { config, clock, completions, webhooks } = context;
  await leaveGate(batch);
  const event = request
    ? summarize(request, state, (atlasBatchId, root = outcome.resultsRoot) =>
        resultUri(root, request.reference, atlasBatchId),
      )
    : summarizeInvalid(job.data, state, reference);

  // What is the caller's own goes to whoever handles the event, and not into the job a second time.
  const { metadata: _, ...summary } = event;

  if (!outcome.announced) {
    const name = outcome.status === 'completed' ? COMPLETED_EVENT : FAILED_EVENT;
    const keep = { age: Math.ceil(config.COMPLETIONS_TTL_MS / 1000) };
    const jobId = outcome.eventJobId;
    // How long an event waits counts from there. BullMQ would take the host's clock.
    const timestamp = clock.now();
    const options = { jobId, timestamp, removeOnComplete: keep, removeOnFail: keep };
    // A worker that stood still adds no event of a batch that others have ended, and somebody has erased.
    await lease.renew();
    if (config.COMPLETION_WEBHOOK_URL !== null) {
      await webhooks.add(name, webhookPayload(name, event), options);
    }
    await completions.add(name, event, {
      ...options,
      attempts: EVENT_ATTEMPTS,
      backoff: EVENT_BACKOFF,
    });
    batch.state = endRun(state, { ...outcome, announced: true });
    await watchForLate(batch);
  }
  const afterwards = () => tellEnd(batch, outcome, summary);
  // Producers may have set options of their own; retention and attempts are ours to decide.
  job.opts.removeOnComplete = { age: config.KEEP_COMPLETED_SECONDS };
  job.opts.removeOnFail = { age: config.KEEP_FAILED_SECONDS };
  const also = [noteOutcome(batch, outcome)];
  if (outcome.reason) {
    // Waited for: a script that Redis does not know is sent a second time, and must not come after the job's end.
    if (!outcome.announced) await lease.save(batch.state, '', { also });
    afterwards();
    return { kind: 'failed', message: describeReason(outcome.reason) };
  }
  const keepSeconds = config.KEEP_COMPLETED_SECONDS;
  return { kind: 'save-and-finish', value: summary, keepSeconds, line: '', also, afterwards };
}

/** The event is in its queue, and the state says so. */
function tellEnd(
  { context, job, request }: BatchEntry,
  outcome: BatchOutcome,
  summary: BatchSummary,
): void {
  const { metrics, lines, pollJobPruner } = context;
  const { status, eventId, reason } = outcome;
  if (!outcome.announced) {
    const { total, present } = summary.documents;
    metrics.documents.inc({ state: 'present' }, present);
    metrics.documents.inc({ state: 'missing' }, total - present);
  }
  if (request && status === 'completed') {
    const owner = { reference: request.reference, timestamp: job.timestamp };
    pollJobPruner.prune({ owner, batchIds: summary.batchIds });
  }
  const { reference } = summary;
  const code = reason?.code;
  lines.add({
    level: 'info',
    kind: `batch ${status} ${code}`,
    fields: { reference, status, code, eventId },
    message: `batch ${reference ?? job.id} ${status}`,
  });
}

/** Adds the watch, which polls now and then. Adding it again changes nothing; a late run has one already. */
async function watchForLate({ context, job, lease, request, state }: BatchEntry): Promise<void> {
  const { lateSince: since, late } = state;
  if (!request || since === undefined || late) return;
  const { reference } = request;
  const { clock, config, pollJobs } = context;
  const data: WatchData = { v: 1, reference, batchTimestamp: job.timestamp, since };
  const now = clock.now();
  const next = nextWatchAt(since, config.LATE_RESULTS_FOR_MS, null) ?? since;
  const until = new Date(since + config.LATE_RESULTS_FOR_MS).toISOString();
  lease.note(`documents that are still missing are awaited until ${until}`);
  await pollJobs.add(WATCH_JOB, data, {
    jobId: watchJobId(data),
    // The delay counts from there. BullMQ would take the host's clock.
    timestamp: now,
    delay: Math.max(0, next - now),
    removeOnComplete: true,
    removeOnFail: true,
  });
}

/** A retry of a failed batch: by an operator, or since documents have come late. */
export async function retryBatch(batch: BatchEntry): Promise<void> {
  const { context, job, lease, request, state } = batch;
  const { redis, config } = context;
  if (request) await clearEarlierCancelFlag(context, request.reference, job);
  const flagKey = request && runModeKey(config.QUEUE_PREFIX, request.reference);
  const flag = flagKey === null ? null : await redis.get(flagKey);
  const mode = state.lateSince === undefined ? 'operator' : readRunMode(flag, job);
  const entry = {
    startedAtAttempt: job.attemptsMade,
    stallsBefore: job.stalledCounter,
    startedAt: context.clock.now(),
  };
  batch.state = beginRetry(state, entry, mode);
  await lease.save(batch.state, BEGUN[mode], flag === null ? {} : { spent: flagKey ?? undefined });
}

const BEGUN: Record<RunMode, string> = {
  operator: 'retried by an operator: reading what Atlas has, then sending the rest',
  late: 'documents have come late: reading what Atlas has; nothing is sent again',
};
