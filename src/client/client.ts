/**
 * What upstream apps import: add a batch, follow it, wait for its end, read its results.
 *
 *     const atlas = createAtlasBatchClient({ redisUrl: 'redis://127.0.0.1:6379' });
 *     const { reference } = await atlas.enqueue({ productType: 'LOAN_APP', documents });
 *     const summary = await atlas.wait(reference);
 *     for await (const document of atlas.results(reference)) console.log(document);
 *     await atlas.close();
 */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { Redis } from 'ioredis';
import { UsageError } from '../errors.js';
import type { BatchSummary } from '../jobs/completion.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import type { ResultDocument } from '../storage/result-document.js';
import { type BatchStatus, readBatchStatus } from './batch-status.js';
import { type CancelResult, cancelBatch } from './cancel.js';
import { openQueues } from './client-queues.js';
import { createEndWatcher } from './end-watcher.js';
import { type BatchInput, type EnqueueResult, enqueueBatch, enqueueBatches } from './enqueue.js';
import { borrowLink, openLink, type RedisLink } from './redis-link.js';
import { createResultReader } from './results.js';
import type { WaitOptions } from './waiter.js';

interface CommonOptions {
  /** Must be the workers' `QUEUE_PREFIX`, whose default it shares. */
  prefix?: string | undefined;
  /**
   * How to reach S3, for `results`; `{ forcePathStyle: true }` where the workers have
   * `S3_FORCE_PATH_STYLE`. What is not given comes from AWS's own variables.
   */
  s3?: S3ClientConfig | undefined;
}

export type AtlasBatchClientOptions = CommonOptions &
  (
    | { redisUrl: string; connection?: undefined }
    /** A connection of yours. It is left open. */
    | { connection: Redis; redisUrl?: undefined }
  );

/** Every method throws {@link RedisUnavailableError} within seconds when Redis is down. */
export interface AtlasBatchClient {
  /**
   * Adds a batch; without a `reference` one is made. Adding the same batch again is safe.
   * @throws InvalidBatchError naming every fault.
   */
  enqueue(batch: BatchInput): Promise<EnqueueResult>;
  /** Adds tens of thousands, in bulk. All are checked before the first is added. */
  enqueueMany(batches: readonly BatchInput[]): Promise<EnqueueResult[]>;
  /** Where a batch stands. @throws UnknownReferenceError. */
  status(reference: string): Promise<BatchStatus>;
  /**
   * Resolves with the summary when the batch has ended, completed or failed; at once when it has
   * already. @throws UnknownReferenceError, WaitTimeoutError, the signal's reason.
   */
  wait(reference: string, options?: WaitOptions): Promise<BatchSummary>;
  /**
   * The documents of an ended batch that have extracts, in the order of the job, read as you go.
   * @throws UnknownReferenceError, BatchRunningError, TroubleError `STORAGE`.
   */
  results(reference: string): AsyncGenerator<ResultDocument, void, undefined>;
  /** Asks for the end of a batch: it fails with `CANCELLED`. */
  cancel(reference: string, reason?: string): Promise<CancelResult>;
  /** Ends everything that the client started; pending calls reject. May be called twice. */
  close(): Promise<void>;
}

/** @throws UsageError without a Redis to connect to. */
export function createAtlasBatchClient(options: AtlasBatchClientOptions): AtlasBatchClient {
  const link = connect(options);
  const queues = openQueues(link, options.prefix ?? DEFAULT_QUEUE_PREFIX);
  const watcher = createEndWatcher(queues);
  const reader = createResultReader(queues, options.s3 ?? {});
  let closed: Promise<void> | undefined;

  return {
    enqueue: (batch) => enqueueBatch(queues, batch),
    enqueueMany: (batches) => enqueueBatches(queues, batches),
    status: (reference) => link.run(() => readBatchStatus(queues, reference)),
    wait: (reference, waitOptions) => watcher.wait(reference, waitOptions),
    results: (reference) => reader.read(reference),
    cancel: (reference, reason = 'cancelled by the caller') =>
      link.run(() => cancelBatch(queues, reference, reason)),
    close() {
      closed ??= (async () => {
        await Promise.all([watcher.close(), queues.close()]);
        reader.close();
        link.close();
      })();
      return closed;
    },
  };
}

function connect({ connection, redisUrl }: AtlasBatchClientOptions): RedisLink {
  if (connection) return borrowLink(connection);
  if (redisUrl && URL.canParse(redisUrl)) return openLink(redisUrl);
  throw new UsageError('redisUrl must be a URL such as redis://127.0.0.1:6379');
}
