/** The queues of atlas-batch and the names of the jobs in them (see ARCHITECTURE.md). */

/** One `batch` job per batch of a caller. */
export const BATCHES_QUEUE = 'atlas-batches';
/** One `poll` job per Atlas batch, a child of its `batch` job. */
export const POLLS_QUEUE = 'atlas-polls';
/** One job per completion event, named {@link COMPLETED_EVENT} or {@link FAILED_EVENT}. */
export const COMPLETIONS_QUEUE = 'atlas-completions';
/** The same events for the webhook, so that its retries do not compete with other consumers. */
export const WEBHOOKS_QUEUE = 'atlas-webhooks';

export const QUEUES: readonly string[] = [
  BATCHES_QUEUE,
  POLLS_QUEUE,
  COMPLETIONS_QUEUE,
  WEBHOOKS_QUEUE,
];

export const BATCH_JOB = 'batch';
export const POLL_JOB = 'poll';
/** In the queue of polls; it awaits late documents. */
export const WATCH_JOB = 'watch';
export const COMPLETED_EVENT = 'batch.completed';
export const FAILED_EVENT = 'batch.failed';

/** The braces are a Redis Cluster hash tag: parents and children must share one slot. */
export const DEFAULT_QUEUE_PREFIX = '{atlas}';

/**
 * The job of a killed process is picked up when its lock has run out and somebody has checked: within
 * 12 s. Measured in 10 kills: up to 11.7 s at 8 s and 3 s, 55 to 90 s with BullMQ's defaults.
 */
export const LOCK_DURATION_MS = 8000;
export const STALLED_INTERVAL_MS = 2000;

/** Lines that are kept of a job's log. People read it: the end of a long outage is enough. */
export const KEPT_LOG_LINES = 200;
