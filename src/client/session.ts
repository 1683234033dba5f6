/** What a client does, on a link to Redis that its creator opens and closes. */
import { cancelBatch } from '../batches/cancel.js';
import { openQueues } from '../batches/client-queues.js';
import { readBatchStatus } from '../batches/status.js';
import { checkType } from '../check-options.js';
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
    status: (reference: string) => link.run(() => readBatchStatus(queues, reference)),
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
      checkType('the reason of a cancel', reason, 'string');
      return link.run(() => cancelBatch(queues, reference, reason));
    },
    async close() {
      await Promise.all([...opened].map((one) => one.close()));
      // BullMQ waits for as long as Redis is away.
      await settlesWithin(Promise.all([watcher.close(), queues.close()]), CLOSE_TIMEOUT_MS);
      reader.close();
    },
  };
}
