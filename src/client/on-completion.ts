/**
 * Completion events, brought to a handler: durably and at least once. An event is a job of its
 * own: it waits until somebody takes it, is seen again when its handler fails or dies, and holds
 * up no other.
 */
import { type Job, Worker } from 'bullmq';
import type { ClientQueues } from '../batches/client-queues.js';
import { COMPLETED_EVENT, COMPLETIONS_QUEUE, FAILED_EVENT } from '../jobs/queues.js';
import type { BatchSummary } from '../jobs/summary.js';

/** A handler that dies is missed after lock + interval: its event comes again within 12 s. */
const LOCK_DURATION_MS = 8000;
const STALLED_INTERVAL_MS = 2000;
const DEFAULT_CONCURRENCY = 10;

export interface CompletionContext {
  /** The same each time the event is seen: what a handler remembers, to do its work once. */
  eventId: string;
  name: typeof COMPLETED_EVENT | typeof FAILED_EVENT;
  /** 1 at first; more after the handler threw. */
  attempt: number;
  /** Aborted when the event was given to another handler, since this process was frozen. */
  signal: AbortSignal;
}

/** What it throws is seen by `onError`; the event, and no other, comes again with back-off. */
export type CompletionHandler = (
  summary: BatchSummary,
  context: CompletionContext,
) => Promise<void> | void;

export interface CompletionOptions {
  /** Handlers at once in this process. Default 10. */
  concurrency?: number | undefined;
  /**
   * Told what a handler threw, and of an error of Redis (then without an event id). An event
   * whose handler has thrown 20 times stays in the queue's failed jobs. Default: nobody is told.
   */
  onError?: ((error: Error, eventId: string | null) => void) | undefined;
}

export interface CompletionSubscription {
  /** Takes no more events, and resolves when the handlers that run have returned. */
  close(): Promise<void>;
}

export function subscribeToCompletions(
  { link, prefix }: ClientQueues,
  handler: CompletionHandler,
  { concurrency = DEFAULT_CONCURRENCY, onError = () => {} }: CompletionOptions,
): CompletionSubscription {
  const connection = link.forBlocking();
  // Each of the worker's own two connections reports for itself below.
  connection.on('error', () => {});
  const worker = new Worker<BatchSummary, void>(
    COMPLETIONS_QUEUE,
    async (job, _token, signal = new AbortController().signal) => {
      await handler(job.data, contextOf(job, signal));
    },
    {
      connection,
      prefix,
      concurrency,
      lockDuration: LOCK_DURATION_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // Dying is not the event's issue: it comes again however often.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  worker.on('failed', (job, error) => onError(error, job?.id ?? null));
  worker.on('error', (error) => onError(error, null));
  worker.on('lockRenewalFailed', (jobIds: string[]) => {
    for (const jobId of jobIds) worker.cancelJob(jobId, 'the event was given to another handler');
  });

  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= worker.close().finally(() => connection.disconnect());
      return closed;
    },
  };
}

function contextOf(job: Job<BatchSummary>, signal: AbortSignal): CompletionContext {
  return {
    eventId: job.id ?? '',
    name: job.name === COMPLETED_EVENT ? COMPLETED_EVENT : FAILED_EVENT,
    attempt: job.attemptsMade + 1,
    signal,
  };
}
