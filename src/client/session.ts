/** What a client does, on a link to Redis that its creator opens and closes. */
import { type Audited, type Auditor, audited, type Change } from '../batches/audit.js';
import { auditedBulk, auditedRedelivery } from '../batches/bulk/audited-bulk.js';
import { checkPace } from '../batches/bulk/paced.js';
import { type PreviewOptions, previewBulk } from '../batches/bulk/preview.js';
import type { BulkOptions } from '../batches/bulk/run-bulk.js';
import type { BulkAction, BulkSelection } from '../batches/bulk/selection.js';
import { cancelBatch } from '../batches/cancel.js';
import { openQueues } from '../batches/client-queues.js';
import { describeErasure, eraseBatch } from '../batches/erase/erase-batch.js';
import { redeliverLatest } from '../batches/events/redeliver.js';
import type { RedeliveredEvents, RedeliverOptions } from '../batches/events/redeliver-events.js';
import { checkExtension, extendDeadline } from '../batches/extend-deadline.js';
import { type BatchFilter, FILTER_OPTIONS } from '../batches/lists/batch-filter.js';
import { countBatches } from '../batches/lists/count-batches.js';
import { type ListOptions, listBatches } from '../batches/lists/list-batches.js';
import {
  checkPause,
  describePaused,
  type PauseOptions,
  pauseOf,
  pauseSending,
  planPause,
  resumeSending,
} from '../batches/pause.js';
import { retryBatch } from '../batches/retry.js';
import { readBatchStatus } from '../batches/status/status.js';
import { readTimeline } from '../batches/status/timeline.js';
import { checkOptions, checkReference, checkType, readReason } from '../check-options.js';
import { UsageError } from '../errors.js';
import { Proxies } from '../http/proxy.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import { osUser } from '../os-user.js';
import type { RedisLink } from '../redis/client-link.js';
import type { ResultsEraser } from '../storage/results/erase-results.js';
import { resultsRoot } from '../storage/results/results-key.js';
import { CLOSE_TIMEOUT_MS, settlesWithin } from '../timeouts.js';
import type { ClientSettings } from './client-options.js';
import type {
  CompletionHandler,
  CompletionOptions,
  CompletionSubscription,
} from './completion-handler.js';
import { createEndWatcher } from './end-watcher.js';
import { type BatchInput, enqueueBatch, enqueueBatches } from './enqueue.js';
import { subscribeToCompletions } from './on-completion.js';
import { type Closeable, type EventsOptions, followProgress } from './progress-events.js';
import { createResultReader } from './results.js';

/**
 * @param closing Aborted before the session is closed.
 * @param via Through what people make changes.
 */
export function openSession(
  link: RedisLink,
  settings: ClientSettings,
  closing: AbortSignal,
  via: 'client' | 'cli' = 'client',
) {
  const queues = openQueues(link, settings.prefix ?? DEFAULT_QUEUE_PREFIX, settings.telemetry);
  const watcher = createEndWatcher(queues);
  const reader = createResultReader(queues, settings);
  const opened = new Set<Closeable>();
  const auditor: Auditor = { actor: { name: settings.actor ?? osUser(), via } };
  const write = <T>(change: Change, act: () => Promise<T>, describe: (result: T) => Audited) =>
    link.run(() => audited(queues, auditor, change, act, describe));

  return {
    enqueue: (batch: BatchInput) => enqueueBatch(queues, batch),
    enqueueMany: (batches: readonly BatchInput[]) => enqueueBatches(queues, batches),
    async status(reference: string) {
      checkReference('status', reference);
      return link.run(() => readBatchStatus(queues, reference));
    },
    async timeline(reference: string) {
      checkReference('timeline', reference);
      return link.run(async () => readTimeline(queues, await readBatchStatus(queues, reference)));
    },
    wait: watcher.wait,
    results: reader.read,
    onCompletion(handler: CompletionHandler, options: CompletionOptions): CompletionSubscription {
      const subscription = subscribeToCompletions(queues, handler, options);
      opened.add(subscription);
      return {
        close: () => subscription.close().finally(() => opened.delete(subscription)),
      };
    },
    events: (options?: EventsOptions) => followProgress(queues, options, { closing, opened }),
    async cancel(reference: string, given?: string) {
      checkReference('cancel', reference);
      const reason = readReason('the reason of a cancel', given);
      return write(
        { action: 'cancel', reference, reason },
        () => cancelBatch(queues, reference, { by: auditor.actor, reason }),
        ({ status: outcome }) => ({ outcome }),
      );
    },
    list: (options?: ListOptions) => link.run(() => listBatches(queues, options)),
    async count(filter: BatchFilter = {}) {
      checkOptions('count', filter, FILTER_OPTIONS);
      return link.run(() => countBatches(queues, filter));
    },
    async retry(reference: string, given?: string) {
      checkReference('retry', reference);
      const reason = readReason('the reason of a retry', given);
      return write(
        { action: 'retry', reference, reason },
        () => retryBatch(queues, reference),
        ({ status: outcome }) => ({ outcome }),
      );
    },
    preview: (action: BulkAction, selection: BulkSelection, options?: PreviewOptions) =>
      link.run(() => previewBulk(queues, action, selection, options)),
    runMany(action: BulkAction, selection: BulkSelection, options?: BulkOptions) {
      return runOn(link, auditedBulk(queues, auditor, action, selection, options));
    },
    async extendDeadline(reference: string, byMs: number) {
      checkReference('extendDeadline', reference);
      checkExtension(byMs);
      return write(
        { action: 'extend', reference },
        () => extendDeadline(queues, reference, byMs),
        ({ status: outcome, extendedMs }) => ({ outcome, details: { byMs, extendedMs } }),
      );
    },
    async pause(options: PauseOptions = {}) {
      checkPause(options);
      const { by = auditor.actor.name } = options;
      const plan = await link.run(() => planPause(queues, { ...options, by }));
      return write(
        { action: 'pause', reason: plan.reason ?? undefined },
        () => pauseSending(queues, plan),
        describePaused,
      );
    },
    resume: () =>
      write(
        { action: 'resume' },
        () => resumeSending(queues),
        (wasPaused) => ({ outcome: wasPaused ? 'resumed' : 'not-paused' }),
      ),
    async redeliver(reference: string) {
      checkReference('redeliver', reference);
      return write(
        { action: 'redeliver', reference },
        () => redeliverLatest(queues, reference),
        ({ status: outcome }) => ({ outcome }),
      );
    },
    async redeliverAll(options: RedeliverOptions) {
      checkRedelivery(options);
      let latest: RedeliveredEvents = { events: 0, gone: 0, reset: false };
      for await (latest of runOn(link, auditedRedelivery(queues, auditor, options)))
        options.onProgress?.(latest);
      return latest;
    },
    async erase(reference: string, options: EraseReason = {}) {
      checkReference('erase', reference);
      const reason = readReason('the reason of an erase', options.reason);
      const eraser = await openEraser(settings);
      try {
        return await write(
          { action: 'erase', reference, reason },
          () => eraseBatch(queues, reference, { eraser, resultsRoot: resultsRootOf(settings) }),
          describeErasure,
        );
      } finally {
        eraser.close();
      }
    },
    paused: () => link.run(() => pauseOf(queues)),
    async close() {
      await Promise.all([...opened].map((one) => one.close()));
      // BullMQ waits for as long as Redis is away.
      await settlesWithin(Promise.all([watcher.close(), queues.close()]), CLOSE_TIMEOUT_MS);
      reader.close();
    },
  };
}

/** Why a batch is erased. */
export interface EraseReason {
  /** For the audit log. It is kept, so it must name nobody. */
  reason?: string | undefined;
}

/** Loaded here, so that an app that erases nothing does not load the AWS SDK. */
async function openEraser({ s3, proxy }: ClientSettings): Promise<ResultsEraser> {
  const { createResultsEraser } = await import('../storage/results/erase-results.js');
  return createResultsEraser({
    forcePathStyle: s3?.forcePathStyle === true,
    proxies: proxy && new Proxies(proxy),
    clientConfig: s3,
  });
}

function resultsRootOf({ results }: ClientSettings): string | undefined {
  return results && resultsRoot(results.bucket, results.prefix ?? '');
}

const REDELIVERY_OPTIONS = ['since', 'givenUp', 'dryRun', 'rate', 'signal', 'onProgress'] as const;

function checkRedelivery(options: unknown): void {
  const asked = checkOptions('redeliverAll', options, REDELIVERY_OPTIONS);
  const { since, givenUp, dryRun, onProgress } = asked;
  checkPace(asked);
  checkType('onProgress', onProgress, 'function');
  if (since !== undefined && !(since instanceof Date && !Number.isNaN(since.getTime()))) {
    throw new UsageError('since must be a Date');
  }
  for (const [name, value] of Object.entries({ givenUp, dryRun })) {
    if (value !== undefined && typeof value !== 'boolean') {
      throw new UsageError(`${name} must be true or false`);
    }
  }
  if (since === undefined && givenUp !== true) {
    throw new UsageError('redeliverAll is told which events: since, givenUp, or both');
  }
}

/** Each step as an action on Redis of its own: the whole may take hours. */
async function* runOn<T>(
  link: RedisLink,
  steps: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    for (;;) {
      const { done, value } = await link.run(() => steps.next());
      if (done) return;
      yield value;
    }
  } finally {
    await steps.return();
  }
}
