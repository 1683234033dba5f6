/** What a client can do. */
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
import type { Pause } from '../gate/pause-record.js';
import type { BatchSummary } from '../jobs/summary.js';
import type {
  CompletionHandler,
  CompletionOptions,
  CompletionSubscription,
} from './completion-handler.js';
import type { WaitOptions } from './end-watcher.js';
import type { BatchInput, EnqueueResult } from './enqueue.js';
import type { DocumentResult } from './extract.js';
import type { EventsOptions } from './progress-events.js';
import type { ResultsOptions } from './results.js';
import type { EraseReason } from './session.js';

/** Every method throws {@link RedisUnavailableError}: within seconds when Redis is down, within 15 s when it does not answer, and of a change within 18 s. */
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
   * @throws UsageError when `until` is over by the clock of Redis, or more than a year away.
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
