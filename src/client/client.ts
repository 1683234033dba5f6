/**
 * What upstream apps import: add a batch, follow it, wait for its end, read its results.
 *
 *     const atlas = createAtlasBatchClient({ redisUrl: 'redis://127.0.0.1:6379' });
 *     const { reference } = await atlas.enqueue({ productType: 'LOAN_APP', documents });
 *     const summary = await atlas.wait(reference);
 *     for await (const { documentId, extracts } of atlas.results(reference)) …
 *     await atlas.close();
 */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { Telemetry } from 'bullmq';
import type { Cluster, Redis } from 'ioredis';
import { type CancelResult, cancelBatch } from '../batches/cancel.js';
import { openQueues } from '../batches/client-queues.js';
import { type BatchStatus, readBatchStatus } from '../batches/status.js';
import { ClientClosedError } from '../errors.js';
import type { ProxySettings } from '../http/proxy.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import type { BatchSummary } from '../jobs/summary.js';
import { borrowLink, openLink, type RedisLink } from '../redis/client-link.js';
import { connectionOptions } from '../redis/connect.js';
import type { RedisTarget } from '../redis/target.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../timeouts.js';
import { createEndWatcher, type WaitOptions } from './end-watcher.js';
import { type BatchInput, type EnqueueResult, enqueueBatch, enqueueBatches } from './enqueue.js';
import type { DocumentResult } from './extract.js';
import {
  type CompletionHandler,
  type CompletionOptions,
  type CompletionSubscription,
  subscribeToCompletions,
} from './on-completion.js';
import { type Closeable, type EventsOptions, followProgress } from './progress-events.js';
import { type RedisAddress, targetAt, targetAtUrl, targetOfCluster } from './redis-address.js';
import { createResultReader } from './results.js';

/** Settings of a client, besides where Redis is. */
export interface ClientSettings {
  /** The workers' `QUEUE_PREFIX`. Default `{atlas}`, as theirs. */
  prefix?: string | undefined;
  /**
   * How to reach S3, for `results`. Set `{ forcePathStyle: true }` where the workers have
   * `S3_FORCE_PATH_STYLE`. What is not set comes from AWS's own variables.
   */
  s3?: S3ClientConfig | undefined;
  /** Proxies on the way to S3. Default: it is reached directly; the environment is not read. */
  proxy?: ProxySettings | undefined;
  /** Where a trace of each batch begins, such as `new BullMQOtel('my-app')` of bullmq-otel. */
  telemetry?: Telemetry | undefined;
}

/** Where Redis is, or a connection of yours, and settings. */
export type AtlasBatchClientOptions = ClientSettings &
  (
    | {
        /** Redis, such as `redis://127.0.0.1:6379`. The connection is closed with the client. */
        redisUrl: string;
        redis?: undefined;
        connection?: undefined;
      }
    | {
        /** A server, Sentinels or a Cluster. The connection is closed with the client. */
        redis: RedisAddress;
        redisUrl?: undefined;
        connection?: undefined;
      }
    | {
        /**
         * A connection of yours. It stays open when the client is closed. Of a Cluster the client
         * takes nodes and options, and opens connections of its own to the node that holds its keys.
         */
        connection: Redis | Cluster;
        redis?: undefined;
        redisUrl?: undefined;
      }
  );

/** Every method throws {@link RedisUnavailableError} within seconds when Redis is down. */
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
   * @throws UnknownReferenceError, BatchRunningError, TransientError `STORAGE`.
   */
  results(reference: string): AsyncGenerator<DocumentResult, void, undefined>;
  /**
   * Calls a handler for each completion event, at least once, whichever process dies. All clients
   * and consumers of this Redis share the events, so run one group of handlers.
   */
  onCompletion(handler: CompletionHandler, options?: CompletionOptions): CompletionSubscription;
  /** The status of each batch whenever it has changed, until `break` or the signal ends the loop. */
  events(options?: EventsOptions): AsyncGenerator<BatchStatus, void, undefined>;
  /** Asks for the end of a batch, which then fails with `CANCELLED`. */
  cancel(reference: string, reason?: string): Promise<CancelResult>;
  /** Waits for running handlers; all other pending calls reject. May be called twice. */
  close(): Promise<void>;
}

/** A client of the workers that use a Redis. @throws UsageError without a Redis to connect to. */
export function createAtlasBatchClient(options: AtlasBatchClientOptions): AtlasBatchClient {
  const { redis, redisUrl, connection } = options;
  if (connection && !isCluster(connection)) return clientOn(borrowLink(connection), options);
  const target = connection
    ? targetOfCluster(connection)
    : redis
      ? targetAt(redis)
      : targetAtUrl(redisUrl, 'redisUrl');
  return createClient(target, options);
}

/** For callers that know where Redis is from their configuration. */
export function createClient(target: RedisTarget, settings: ClientSettings): AtlasBatchClient {
  const { prefix = DEFAULT_QUEUE_PREFIX } = settings;
  return clientOn(openLink(connectionOptions(target, prefix)), settings);
}

function clientOn(link: RedisLink, options: ClientSettings): AtlasBatchClient {
  const queues = openQueues(link, options.prefix ?? DEFAULT_QUEUE_PREFIX, options.telemetry);
  const watcher = createEndWatcher(queues);
  const reader = createResultReader(queues, options);
  const opened = new Set<Closeable>();
  const closing = new AbortController();
  let closed: Promise<void> | undefined;

  return {
    enqueue: (batch) => enqueueBatch(queues, batch),
    enqueueMany: (batches) => enqueueBatches(queues, batches),
    status: (reference) => link.run(() => readBatchStatus(queues, reference)),
    wait: (reference, waitOptions) => watcher.wait(reference, waitOptions),
    results: (reference) => reader.read(reference),
    onCompletion(handler, handlerOptions = {}) {
      if (closed) throw new ClientClosedError();
      const subscription = subscribeToCompletions(queues, handler, handlerOptions);
      opened.add(subscription);
      return {
        close: () => subscription.close().finally(() => opened.delete(subscription)),
      };
    },
    events: (eventsOptions = {}) =>
      followProgress(queues, eventsOptions, { closing: closing.signal, opened }),
    cancel: (reference, reason = 'cancelled by the caller') =>
      link.run(() => cancelBatch(queues, reference, reason)),
    close() {
      closed ??= (async () => {
        closing.abort();
        await Promise.all([...opened].map((one) => one.close()));
        // BullMQ waits for as long as Redis is away.
        await settlesWithin(Promise.all([watcher.close(), queues.close()]), CLOSE_TIMEOUT_MS);
        reader.close();
        link.close();
      })();
      return closed;
    },
  };
}

/** It may come from another copy of ioredis. */
function isCluster(connection: Redis | Cluster): connection is Cluster {
  return connection.isCluster;
}
