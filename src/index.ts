/** The public names of atlas-batch. The simulator stands apart, as `atlas-batch/simulator`. */

export type { CancelResult } from './batches/cancel.js';
export type { BatchStatus, UploadStatus } from './batches/status.js';
// Upstream apps: add batches, follow them, read what came of them.
export {
  type AtlasBatchClient,
  type AtlasBatchClientOptions,
  createAtlasBatchClient,
} from './client/client.js';
// What may go wrong.
export { BatchRunningError, InvalidBatchError, WaitTimeoutError } from './client/client-errors.js';
export type { BatchInput, EnqueueResult } from './client/enqueue.js';
// Extracts: typed by document type, with every digit.
export {
  type DocumentExtract,
  type DocumentFields,
  type DocumentResult,
  type ExtractField,
  type FieldReading,
  field,
  isOfType,
  parseExtract,
} from './client/extract.js';
export type {
  CompletionContext,
  CompletionHandler,
  CompletionOptions,
  CompletionSubscription,
} from './client/on-completion.js';
export type { EventsOptions } from './client/progress-events.js';
export type { WaitOptions } from './client/waiter.js';
export {
  AtlasBatchError,
  BatchError,
  ClientClosedError,
  PermanentError,
  type Reason,
  type ReasonCode,
  RedisUnavailableError,
  TransientError,
  UnknownReferenceError,
  UsageError,
} from './errors.js';
// What travels: requests and summaries.
export type { BatchDocument, BatchRequest } from './jobs/request.js';
export type { BatchSummary } from './jobs/summary.js';
export type { Logger } from './logging.js';
// Operators: a worker inside a process of one's own.
export {
  type AtlasBatchWorker,
  type AtlasBatchWorkerOptions,
  createAtlasBatchWorker,
} from './workers/worker.js';
