/**
 * The public names of `atlas-batch/client`: those of `atlas-batch` without the worker. It loads no
 * worker, server, dashboard or command line.
 */

// A client: adds batches, follows them and reads their results.

export type { ProxySettings } from '../http/proxy.js';
export type { RedisNode } from '../redis/target.js';
export { type AtlasBatchClient, createAtlasBatchClient } from './client.js';
export type { AtlasBatchClientOptions, ClientSettings } from './client-options.js';
export type { RedisAddress, RedisLogin } from './redis-address.js';

// Adding a batch, and what became of it.

export type { BatchDocument, BatchRequest, Priority } from '../jobs/request.js';
export type { BatchInput, EnqueueResult } from './enqueue.js';

// Following a batch, and asking for its end.

export type { CancelResult } from '../batches/cancel.js';
export type { PauseOptions } from '../batches/pause.js';
export type { BatchStatus, UploadStatus } from '../batches/status.js';
export type { Pause } from '../gate/pause.js';
export type { WaitOptions } from './end-watcher.js';
export type { EventsOptions } from './progress-events.js';

// The end of a batch: its summary, and its completion event.

export type { BatchSummary, SummaryDocuments } from '../jobs/summary.js';
export type {
  CompletionContext,
  CompletionHandler,
  CompletionOptions,
  CompletionSubscription,
} from './completion-handler.js';

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
} from './extract.js';
export type { ResultsOptions } from './results.js';

// Errors, and why a batch failed.

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
} from '../errors.js';
export { BatchRunningError, InvalidBatchError, WaitTimeoutError } from './client-errors.js';
