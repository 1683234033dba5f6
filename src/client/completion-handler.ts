/** What an app gives to `onCompletion`, and gets from it. */

import { checkOptions, checkType } from '../check-options.js';
import { UsageError } from '../errors.js';
import type { BatchSummary } from '../jobs/summary.js';

/** What a handler is told besides the summary. */
export interface CompletionContext {
  /**
   * The same each time the event is seen, and never that of another event, also when a reference is
   * used again. A handler remembers it to do its work only once.
   */
  eventId: string;
  /** Which event it is. */
  name: 'batch.completed' | 'batch.failed';
  /** 1 at first, one more each time the handler has thrown. */
  attempt: number;
  /** Aborted when this process was frozen and the event went to another handler. */
  signal: AbortSignal;
}

/** When it throws, `onError` is called, and this one event comes again with back-off. */
export type CompletionHandler = (
  summary: BatchSummary,
  context: CompletionContext,
) => Promise<void> | void;

/** How events are handled in this process. */
export interface CompletionOptions {
  /** Handlers that run at once in this process. Default 10. */
  concurrency?: number | undefined;
  /**
   * Called with what a handler threw, and, without an event id, with a `RedisUnavailableError` while Redis is away
   * or refuses: at once, then every 10 s at most. An event
   * whose handler has thrown 20 times stays among the queue's failed jobs. Default: a warning of Node
   * that names the event and the kind of the error, and nothing that a handler has seen.
   */
  onError?: ((error: Error, eventId: string | null) => void) | undefined;
}

/** A handler that gets events until it is closed. */
export interface CompletionSubscription {
  /** Takes no more events, and resolves when the handlers that run have returned. */
  close(): Promise<void>;
}

/** @throws UsageError without a handler, which would take events and lose them. */
export function checkHandler(handler: unknown, options: unknown): void {
  if (typeof handler !== 'function') {
    throw new UsageError('onCompletion needs a handler, such as (summary, { eventId }) => { … }');
  }
  const { concurrency, onError } = checkOptions('onCompletion', options, [
    'concurrency',
    'onError',
  ]);
  checkType('onError', onError, 'function');
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && Number(concurrency) > 0)) {
    throw new UsageError('concurrency must be a whole number of handlers, at least 1');
  }
}
