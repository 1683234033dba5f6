/** What a client does, on a link to Redis that its creator opens and closes. */
import { cancelBatch } from '../batches/cancel.js';
import { openQueues } from '../batches/client-queues.js';
import { type PauseOptions, pauseOf, pauseSending, resumeSending } from '../batches/pause.js';
import { readBatchStatus } from '../batches/status.js';
import { checkOptions, checkReference, checkType } from '../check-options.js';
import { UsageError } from '../errors.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import type { RedisLink } from '../redis/client-link.js';
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

/** @param closing Aborted before the session is closed. */
export function openSession(link: RedisLink, settings: ClientSettings, closing: AbortSignal) {
  const queues = openQueues(link, settings.prefix ?? DEFAULT_QUEUE_PREFIX, settings.telemetry);
  const watcher = createEndWatcher(queues);
  const reader = createResultReader(queues, settings);
  const opened = new Set<Closeable>();

  return {
    enqueue: (batch: BatchInput) => enqueueBatch(queues, batch),
    enqueueMany: (batches: readonly BatchInput[]) => enqueueBatches(queues, batches),
    async status(reference: string) {
      checkReference('status', reference);
      return link.run(() => readBatchStatus(queues, reference));
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
    async cancel(reference: string, reason = 'cancelled by the caller') {
      checkReference('cancel', reference);
      checkType('the reason of a cancel', reason, 'string');
      return link.run(() => cancelBatch(queues, reference, reason));
    },
    async pause(options: PauseOptions = {}) {
      checkOptions('pause', options, ['until', 'reason', 'by']);
      checkType('the reason of a pause', options.reason, 'string');
      checkType('who pauses', options.by, 'string');
      checkEnd(options.until);
      return link.run(() => pauseSending(queues, options));
    },
    resume: () => link.run(() => resumeSending(queues)),
    paused: () => link.run(() => pauseOf(queues)),
    async close() {
      await Promise.all([...opened].map((one) => one.close()));
      // BullMQ waits for as long as Redis is away.
      await settlesWithin(Promise.all([watcher.close(), queues.close()]), CLOSE_TIMEOUT_MS);
      reader.close();
    },
  };
}

/** @throws UsageError for what is no time, or one that is over: such a pause would be none. */
function checkEnd(until: unknown): void {
  if (until === undefined) return;
  if (!(until instanceof Date) || Number.isNaN(until.getTime())) {
    throw new UsageError('until must be a Date');
  }
  if (until.getTime() <= Date.now()) throw new UsageError('until must be in the future');
}
