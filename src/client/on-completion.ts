/**
 * Calls a handler for each completion event, at least once. An event is a job of its own: it waits
 * until a consumer takes it, comes again when its handler fails or dies, and does not delay others.
 */
import type { Job } from 'bullmq';
import type { ClientQueues } from '../batches/client-queues.js';
import { bareError } from '../errors.js';
import {
  COMPLETED_EVENT,
  COMPLETIONS_QUEUE,
  FAILED_EVENT,
  LOCK_DURATION_MS,
  STALLED_INTERVAL_MS,
} from '../jobs/queues.js';
import type { BatchSummary } from '../jobs/summary.js';
import { PausingWorker } from '../redis/pausing-worker.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../timeouts.js';

const DEFAULT_CONCURRENCY = 10;

/** What a handler is told besides the summary. */
export interface CompletionContext {
  /**
   * The same each time the event is seen, and never that of another event, also when a reference is
   * used again. A handler remembers it to do its work only once.
   */
  eventId: string;
  /** Which event it is. */
  name: 'batch.completed' | 'batch.failed';
  /** 1 at first, one more each time the handler has thrown. */
  attempt: number;
  /** Aborted when this process was frozen and the event went to another handler. */
  signal: AbortSignal;
}

/** When it throws, `onError` is called, and this one event comes again with back-off. */
export type CompletionHandler = (
  summary: BatchSummary,
  context: CompletionContext,
) => Promise<void> | void;

/** How events are handled in this process. */
export interface CompletionOptions {
  /** Handlers that run at once in this process. Default 10. */
  concurrency?: number | undefined;
  /**
   * Called with what a handler threw, and with errors of Redis (then without an event id). An event
   * whose handler has thrown 20 times stays among the queue's failed jobs. Default: not called.
   */
  onError?: ((error: Error, eventId: string | null) => void) | undefined;
}

/** A handler that gets events until it is closed. */
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
  // The worker's own two connections report their errors below.
  connection.on('error', () => {});
  const handling = new Set<Promise<void>>();
  const worker = new PausingWorker<BatchSummary, void>(
    COMPLETIONS_QUEUE,
    async (job, _token, signal = new AbortController().signal) => {
      const handled = (async () => handler(job.data, contextOf(job, signal)))();
      handling.add(handled);
      await handled.finally(() => handling.delete(handled));
    },
    {
      connection,
      prefix,
      concurrency,
      lockDuration: LOCK_DURATION_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // An event whose handlers die comes again, however often they do.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  worker.on('failed', (job, error) => onError(error, job ? eventIdOf(job) : null));
  worker.on('error', (error) => onError(bareError(error), null));
  worker.on('lockRenewalFailed', (jobIds: string[]) => {
    for (const jobId of jobIds) worker.cancelJob(jobId, 'the event was given to another handler');
  });
  // Rejects when it is closed before Redis was reached.
  worker.start().catch(() => {});

  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= (async () => {
        const ended = worker.close();
        let isOver = false;
        // Handlers have all the time that they want. BullMQ waits for as long as Redis is away.
        do {
          await Promise.allSettled(handling);
          isOver = await settlesWithin(ended, CLOSE_TIMEOUT_MS);
        } while (!isOver && handling.size > 0);
        connection.disconnectAll();
      })();
      return closed;
    },
  };
}

/** A job that others added may hold no id of its own. */
function eventIdOf({ id = '', data }: Job<BatchSummary>): string {
  return data.eventId ?? id;
}

function contextOf(job: Job<BatchSummary>, signal: AbortSignal): CompletionContext {
  return {
    eventId: eventIdOf(job),
    name: job.name === COMPLETED_EVENT ? COMPLETED_EVENT : FAILED_EVENT,
    attempt: job.attemptsMade + 1,
    signal,
  };
}
