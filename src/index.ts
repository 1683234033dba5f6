/** The public names of atlas-batch. The simulator stands apart, as `atlas-batch/simulator`. */

// A client: adds batches, follows them and reads their results.

export type { AtlasBatchClient } from './client/atlas-batch-client.js';
export { createAtlasBatchClient } from './client/client.js';
export type { AtlasBatchClientOptions, ClientSettings } from './client/client-options.js';
export type { RedisAddress, RedisLogin } from './client/redis-address.js';
export type { ProxySettings } from './http/proxy.js';
export type { RedisNode } from './redis/connection/target.js';

// Adding a batch, and what became of it.

export type { BatchInput, EnqueueResult } from './client/enqueue.js';
export type { BatchDocument, BatchRequest, Priority } from './jobs/request/request.js';

// Following a batch, and asking for its end.

export type { CancelResult } from './batches/cancel.js';
export type { ExtendResult } from './batches/extend-deadline.js';
export type { PauseOptions } from './batches/pause.js';
export type { BatchDeadline } from './batches/status/deadline.js';
export type { LinePlace } from './batches/status/line-place.js';
export type { RequestedCancel } from './batches/status/requested-cancel.js';
export type { BatchStatus } from './batches/status/status.js';
export type { TimedLine } from './batches/status/timed-line.js';
export type { Timeline, TimelineEntry } from './batches/status/timeline.js';
export type { UploadStatus } from './batches/status/upload-status.js';
export type { WaitOptions } from './client/end-watcher.js';
export type { EventsOptions } from './client/progress-events.js';
export type { UnknownDocuments } from './gate/line.js';
export type { Pause, PlainPause } from './gate/pause-record.js';

// Sending webhooks again, and erasing a batch.

export type { EraseResult, ErasureCertificate } from './batches/erase/erase-batch.js';
export type { RemovedKeys } from './batches/erase/erase-keys.js';
export type { RedeliverResult } from './batches/events/redeliver.js';
export type { RedeliveredEvents, RedeliverOptions } from './batches/events/redeliver-events.js';
export type { EraseReason } from './client/session.js';

// Many batches: lists, counts, and what is done to all that fit a filter.

export type { PaceOptions } from './batches/bulk/paced.js';
export type { BulkPreview, PreviewOptions } from './batches/bulk/preview.js';
export type { BulkOptions, BulkProgress } from './batches/bulk/run-bulk.js';
export type { BulkAction, BulkFilter, BulkSelection } from './batches/bulk/selection.js';
export type { BatchFilter, Dimension, StateFilter } from './batches/lists/batch-filter.js';
export type { BatchSort } from './batches/lists/batch-sets.js';
export type { BatchCounts, ValueCount } from './batches/lists/count-batches.js';
export type { BatchList, ListedBatch, ListOptions } from './batches/lists/list-batches.js';
export type { RetryResult } from './batches/retry.js';
export type { ListedState } from './jobs/state/listed-facts.js';

// The end of a batch: its summary, and its completion event.

export type {
  CompletionContext,
  CompletionHandler,
  CompletionOptions,
  CompletionSubscription,
} from './client/completion-handler.js';
export type { BatchSummary, SummaryDocuments } from './jobs/summary.js';

// Results: extracts by document type, with every digit.

export {
  type DocumentExtract,
  type DocumentFields,
  type DocumentResult,
  type ExtractField,
  type FieldName,
  type FieldReading,
  field,
  isOfType,
  parseExtract,
} from './client/extract.js';
export type { ResultsOptions } from './client/results.js';

// Errors, and why a batch failed.

export {
  BatchRunningError,
  InvalidBatchError,
  ResultsGoneError,
  WaitTimeoutError,
} from './client/client-errors.js';
export {
  AtlasBatchError,
  BatchError,
  ClientClosedError,
  PermanentError,
  REASON_CODES,
  type Reason,
  type ReasonCode,
  RedisUnavailableError,
  TransientError,
  UnknownReferenceError,
  UsageError,
} from './errors.js';

// A worker inside a process of your own.

export type { WorkerSettings } from './config/worker-options.js';
export type { Logger } from './logging.js';
export { type AtlasBatchWorkerOptions, createAtlasBatchWorker } from './workers/create-worker.js';
export type { AtlasBatchWorker } from './workers/worker.js';
