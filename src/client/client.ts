/**
 * What upstream apps import: add a batch, follow it, wait for its end, read its results.
 *
 *     const atlas = createAtlasBatchClient({ redisUrl: 'redis://127.0.0.1:6379' });
 *     const { reference } = await atlas.enqueue({ productType: 'LOAN_APP', documents });
 *     const summary = await atlas.wait(reference);
 *     for await (const { documentId, extracts } of atlas.results(reference)) …
 *     await atlas.close();
 */
import type { BulkPreview, PreviewOptions } from '../batches/bulk/preview.js';
import type { BulkOptions, BulkProgress } from '../batches/bulk/run-bulk.js';
import type { BulkAction, BulkSelection } from '../batches/bulk/selection.js';
import type { CancelResult } from '../batches/cancel.js';
import type { EraseResult } from '../batches/erase/erase-batch.js';
import type { RedeliverResult } from '../batches/events/redeliver.js';
import type { RedeliveredEvents, RedeliverOptions } from '../batches/events/redeliver-events.js';
import type { ExtendResult } from '../batches/extend-deadline.js';
import type { BatchFilter } from '../batches/lists/batch-filter.js';
import type { BatchCounts } from '../batches/lists/count-batches.js';
import type { BatchList, ListOptions } from '../batches/lists/list-batches.js';
import type { PauseOptions } from '../batches/pause.js';
import type { RetryResult } from '../batches/retry.js';
import type { BatchStatus } from '../batches/status/status.js';
import type { Timeline } from '../batches/status/timeline.js';
import { ClientClosedError } from '../errors.js';
import type { Pause } from '../gate/pause-record.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import type { BatchSummary } from '../jobs/summary.js';
import { borrowLink, openLink, type RedisLink } from '../redis/client-link.js';
import { connectionOptions } from '../redis/connection/connect.js';
import type { RedisTarget } from '../redis/connection/target.js';
import {
  type AtlasBatchClientOptions,
  type ClientSettings,
  checkClientOptions,
} from './client-options.js';
import {
  type CompletionHandler,
  type CompletionOptions,
  type CompletionSubscription,
  checkHandler,
} from './completion-handler.js';
import type { WaitOptions } from './end-watcher.js';
import type { BatchInput, EnqueueResult } from './enqueue.js';
import type { DocumentResult } from './extract.js';
import type { EventsOptions } from './progress-events.js';
import {
  isCluster,
  isConnection,
  optionsOfConnection,
  targetAt,
  targetAtUrl,
  targetOfCluster,
} from './redis-address.js';
import type { ResultsOptions } from './results.js';
import type { EraseReason } from './session.js';

/** Every method throws {@link RedisUnavailableError}: within seconds when Redis is down, within 15 s when it does not answer. */
export interface AtlasBatchClient {
  /**
   * Adds a batch; without a `reference` one is made. Adding the same batch again is safe.
   * @throws InvalidBatchError naming every issue.
   */
  enqueue(batch: BatchInput): Promise<EnqueueResult>;
  /**
   * Adds any number of batches, in bulk. All are checked before the first is added.
   * @returns One result per batch, in their order.
   * @throws InvalidBatchError naming every issue of every batch.
   */
  enqueueMany(batches: readonly BatchInput[]): Promise<EnqueueResult[]>;
  /**
   * Where a batch stands.
   * @throws UnknownReferenceError.
   */
  status(reference: string): Promise<BatchStatus>;
  /**
   * Resolves with the summary when the batch has ended, whether it completed or failed.
   * @throws UnknownReferenceError, WaitTimeoutError, the signal's reason.
   */
  wait(reference: string, options?: WaitOptions): Promise<BatchSummary>;
  /**
   * The documents of an ended batch that have extracts, in the order of the request. They are read
   * from S3 as the loop goes on.
   * @throws UnknownReferenceError, BatchRunningError, TransientError `STORAGE`, the signal's reason.
   */
  results(
    reference: string,
    options?: ResultsOptions,
  ): AsyncGenerator<DocumentResult, void, undefined>;
  /**
   * Calls a handler for each completion event, at least once, whichever process dies. All clients
   * and consumers of this Redis share the events, so run one group of handlers.
   * @throws UsageError at once without a handler.
   */
  onCompletion(handler: CompletionHandler, options?: CompletionOptions): CompletionSubscription;
  /** The status of each batch whenever it has changed, until `break` or the signal ends the loop. */
  events(options?: EventsOptions): AsyncGenerator<BatchStatus, void, undefined>;
  /** Asks for the end of a batch, which then fails with `CANCELLED`. */
  cancel(reference: string, reason?: string): Promise<CancelResult>;
  /**
   * What happened to a batch, and who changed it: the latest first, as far as it is kept.
   * @throws UnknownReferenceError
   */
  timeline(reference: string): Promise<Timeline>;
  /**
   * The batches that fit a filter, page by page. A page says how many batches were searched of how many.
   * @throws UsageError that names the option that is wrong.
   */
  list(options?: ListOptions): Promise<BatchList>;
  /**
   * How many batches fit a filter, and by what they differ.
   * @throws UsageError that names the option that is wrong.
   */
  count(filter?: BatchFilter): Promise<BatchCounts>;
  /** Begins a new run of a failed batch: what Atlas has is read, then what is still missing is sent. */
  retry(reference: string, reason?: string): Promise<RetryResult>;
  /**
   * What a bulk action would cost; nothing is done.
   * @throws UsageError that says what is wrong; the signal's reason.
   */
  preview(
    action: BulkAction,
    selection: BulkSelection,
    options?: PreviewOptions,
  ): Promise<BulkPreview>;
  /**
   * Retries all batches that fit a filter, or those of some references. Without a `state` it means those that
   * failed, and not those that somebody cancelled. The loop says how far it has come; a `break` ends it.
   * @throws UsageError that says what is wrong; the signal's reason.
   */
  retryMany(
    selection: BulkSelection,
    options?: BulkOptions,
  ): AsyncGenerator<BulkProgress, void, undefined>;
  /** Asks for the end of all batches that fit a filter, or of those of some references, as {@link retryMany} does. */
  cancelMany(
    selection: BulkSelection,
    options?: BulkOptions,
  ): AsyncGenerator<BulkProgress, void, undefined>;
  /**
   * Sends the latest event of all ended batches that fit a filter to the webhook again, or of some references, as
   * {@link retryMany} does. With `givenUp`, only events that were given up.
   */
  redeliverMany(
    selection: BulkSelection,
    options?: BulkOptions,
  ): AsyncGenerator<BulkProgress, void, undefined>;
  /**
   * Gives a batch more time, in whichever state it is, also in a later run. Several extensions add up.
   * @param byMs At most 30 days.
   * @throws UsageError for another time.
   */
  extendDeadline(reference: string, byMs: number): Promise<ExtendResult>;
  /**
   * Stops the sending of all batches, until a time or until somebody resumes; another pause replaces it. Polls,
   * results and events go on, and the deadlines of batches that wait for it stand still.
   * @throws UsageError when `until` is over.
   */
  pause(options?: PauseOptions): Promise<Pause>;
  /** Ends the pause. @returns whether there was one. */
  resume(): Promise<boolean>;
  /** The pause that there is; null when batches are sent. */
  paused(): Promise<Pause | null>;
  /** Sends the latest event of a batch to the webhook again, for another day of trying; with the same `webhook-id`. */
  redeliver(reference: string): Promise<RedeliverResult>;
  /**
   * Sends many events to the webhook again, also of batches that are no longer kept: those that were given up,
   * those since a time, or both.
   * @throws UsageError when neither is asked for.
   */
  redeliverAll(options: RedeliverOptions): Promise<RedeliveredEvents>;
  /**
   * Erases an ended batch for good: every version of its results in S3, its jobs, events, logs and keys. The
   * documents themselves are yours, and stay.
   * @throws TransientError `STORAGE` when S3 does not let it; call it again.
   */
  erase(reference: string, options?: EraseReason): Promise<EraseResult>;
  /** Waits for running handlers; all other pending calls reject. May be called twice. */
  close(): Promise<void>;
}

/**
 * A client of the workers that use a Redis. It connects at once, and is usable before that.
 * @throws UsageError that names the option that is wrong.
 */
export function createAtlasBatchClient(options: AtlasBatchClientOptions): AtlasBatchClient {
  checkClientOptions(options);
  return openClient(linkOf(options), options);
}

/** For the command line, which knows where Redis is from its configuration. */
export function createClient(target: RedisTarget, settings: ClientSettings): AtlasBatchClient {
  const { prefix = DEFAULT_QUEUE_PREFIX } = settings;
  return openClient(openLink(connectionOptions(target, prefix)), settings, 'cli');
}

function linkOf(options: AtlasBatchClientOptions): RedisLink {
  const { redis, redisUrl, connection, prefix = DEFAULT_QUEUE_PREFIX } = options;
  const open = (target: RedisTarget) => openLink(connectionOptions(target, prefix));
  if (redis !== undefined) return open(targetAt(redis));
  if (connection === undefined) return open(targetAtUrl(redisUrl, 'redisUrl'));
  if (!isConnection(connection)) return openLink(optionsOfConnection(connection));
  return isCluster(connection) ? open(targetOfCluster(connection)) : borrowLink(connection);
}

function openClient(
  link: RedisLink,
  settings: ClientSettings,
  via: 'client' | 'cli' = 'client',
): AtlasBatchClient {
  const closing = new AbortController();
  // Loaded with the first client, and not with this module: BullMQ and the checks of a batch are most
  // of what an app would wait for at its start. The connection opens meanwhile.
  const session = import('./session.js').then(({ openSession }) =>
    openSession(link, settings, closing.signal, via),
  );
  // Each call reports it.
  session.catch(() => {});
  let closed: Promise<void> | undefined;

  async function open() {
    if (closed) throw new ClientClosedError();
    const opened = await session;
    if (closed) throw new ClientClosedError();
    return opened;
  }

  return {
    enqueue: async (batch) => (await open()).enqueue(batch),
    enqueueMany: async (batches) => (await open()).enqueueMany(batches),
    status: async (reference) => (await open()).status(reference),
    timeline: async (reference) => (await open()).timeline(reference),
    wait: async (reference, options) => (await open()).wait(reference, options),
    async *results(reference, options) {
      yield* (await open()).results(reference, options);
    },
    onCompletion(handler, options = {}) {
      checkHandler(handler, options);
      if (closed) throw new ClientClosedError();
      const subscription = session.then((opened) => opened.onCompletion(handler, options));
      return { close: async () => (await subscription).close() };
    },
    async *events(options) {
      yield* (await open()).events(options);
    },
    cancel: async (reference, reason) => (await open()).cancel(reference, reason),
    list: async (options) => (await open()).list(options),
    count: async (filter) => (await open()).count(filter),
    retry: async (reference, reason) => (await open()).retry(reference, reason),
    preview: async (action, selection, options) =>
      (await open()).preview(action, selection, options),
    async *retryMany(selection, options) {
      yield* (await open()).runMany('retry', selection, options);
    },
    async *cancelMany(selection, options) {
      yield* (await open()).runMany('cancel', selection, options);
    },
    async *redeliverMany(selection, options) {
      yield* (await open()).runMany('redeliver', selection, options);
    },
    extendDeadline: async (reference, byMs) => (await open()).extendDeadline(reference, byMs),
    pause: async (options) => (await open()).pause(options),
    resume: async () => (await open()).resume(),
    paused: async () => (await open()).paused(),
    redeliver: async (reference) => (await open()).redeliver(reference),
    redeliverAll: async (options) => (await open()).redeliverAll(options),
    erase: async (reference, options) => (await open()).erase(reference, options),
    close() {
      closed ??= (async () => {
        closing.abort();
        try {
          await (await session).close();
        } finally {
          link.close();
        }
      })();
      return closed;
    },
  };
}
