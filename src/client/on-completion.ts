/**
 * Calls a handler for each completion event, at least once. An event is a job of its own: it waits
 * until a consumer takes it, comes again when its handler fails or dies, and does not delay others.
 */
import type { Job } from 'bullmq';
import type { ClientQueues } from '../batches/client-queues.js';
import { bareError, errorName, RedisUnavailableError } from '../errors.js';
import {
  COMPLETED_EVENT,
  COMPLETIONS_QUEUE,
  FAILED_EVENT,
  LOCK_DURATION_MS,
  STALLED_INTERVAL_MS,
} from '../jobs/queues.js';
import type { BatchSummary } from '../jobs/summary.js';
import { createRepeatedWarnings } from '../logging/repeated-lines.js';
import { isConnectionError } from '../redis/client-link.js';
import { hostClockAtFirst } from '../redis/clock.js';
import { isOfConnection } from '../redis/connection/connection-errors.js';
import { PausingWorker } from '../redis/pausing-worker.js';
import { unavailable } from '../redis/reply-error.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../timeouts.js';
import type {
  CompletionContext,
  CompletionHandler,
  CompletionOptions,
  CompletionSubscription,
} from './completion-handler.js';

const DEFAULT_CONCURRENCY = 10;
/** Between two errors of Redis that an app is told. As the log: soon enough, and an outage of an hour is 360 calls. */
const REDIS_ERROR_INTERVAL_MS = 10_000;

type OnError = NonNullable<CompletionOptions['onError']>;

export function subscribeToCompletions(
  { link, prefix }: ClientQueues,
  handler: CompletionHandler,
  { concurrency = DEFAULT_CONCURRENCY, onError }: CompletionOptions,
): CompletionSubscription {
  const tell = onError === undefined ? warnings() : rarelyOfRedis(onError);
  const connection = link.forBlocking();
  // The worker's own two connections report their errors below.
  connection.on('error', () => {});
  const clock = hostClockAtFirst(connection);
  const underWay = new Set<Promise<void>>();
  const worker = new PausingWorker<BatchSummary, void>(
    COMPLETIONS_QUEUE,
    async (job, _token, signal = new AbortController().signal) => {
      const handled = (async () => handler(job.data, contextOf(job, signal)))();
      underWay.add(handled);
      await handled.finally(() => underWay.delete(handled));
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
    clock,
  );
  worker.on('failed', (job, error) => tell(error, job ? eventIdOf(job) : null));
  worker.on('error', (error) => {
    const isOfRedis = isOfConnection(error) || isConnectionError(error);
    tell(isOfRedis ? unavailable(connection, error) : bareError(error), null);
  });
  worker.on('lockRenewalFailed', (jobIds: string[]) => {
    for (const jobId of jobIds) worker.cancelJob(jobId, 'the event was given to another handler');
  });
  // Rejects when it is closed before Redis was reached.
  const start = async () => {
    await worker.waitUntilReady();
    await clock.start();
    await worker.start();
  };
  start().catch(() => {});

  let closed: Promise<void> | undefined;
  return {
    close() {
      clock.stop();
      closed ??= (async () => {
        const ended = worker.close().catch(() => {});
        let isOver = false;
        // Handlers have all the time that they want. BullMQ waits for as long as Redis is away.
        do {
          await Promise.allSettled(underWay);
          isOver = await settlesWithin(ended, CLOSE_TIMEOUT_MS);
        } while (!isOver && underWay.size > 0);
        connection.disconnectAll();
      })();
      return closed;
    },
  };
}

/** Each attempt to reach a Redis that is away fails, up to twenty times a second: an app may send mail for each. */
function rarelyOfRedis(onError: OnError): OnError {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error, eventId) => {
    if (error instanceof RedisUnavailableError && eventId === null) {
      const now = performance.now();
      if (now - toldAt < REDIS_ERROR_INTERVAL_MS) return;
      toldAt = now;
    }
    onError(error, eventId);
  };
}

/**
 * Without an `onError` of the app: warnings of Node, which go to standard error unless the app listens.
 * What a handler threw may hold extracted fields, so only its name is said.
 */
function warnings(): OnError {
  const warn = createRepeatedWarnings({
    warn: (_, message) => process.emitWarning(message, 'AtlasBatchWarning'),
  });
  return (error, eventId) => {
    const what =
      eventId === null
        ? 'completion events cannot be read from Redis now'
        : `the handler of completion event ${eventId} failed`;
    const more = 'give onCompletion an onError to be told more';
    const { cause = error } = eventId === null ? error : {};
    warn(undefined, `${what} (${errorName(cause)}); ${more}`);
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
