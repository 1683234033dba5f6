/**
 * Waits for the end of batches: any number of waiters on one connection.
 *
 * An event of BullMQ wakes the waiters of its batch. Events can get lost, because their stream is
 * trimmed and connections break, so the jobs are also read at intervals. A waiter that is woken reads
 * the job, and waits on when the batch has not ended.
 */
import type { ClientQueues } from '../batches/client-queues.js';
import { summaryOf, summaryOfEvent } from '../batches/find-summary.js';
import { checkOptions, checkReference, checkSignal } from '../check-options.js';
import {
  ClientClosedError,
  RedisUnavailableError,
  UnknownReferenceError,
  UsageError,
} from '../errors.js';
import { batchJobId } from '../jobs/ids.js';
import type { BatchSummary } from '../jobs/summary.js';
import { callAfter, whenAborted } from '../timeouts.js';
import { WaitTimeoutError } from './client-errors.js';
import { lastEventId, QueueEventReader } from './queue-events.js';

/** How late a waiter is when an event was lost. One short pipeline reads all jobs. */
const READ_EVERY_MS = 3000;

/** How long to wait for the end of a batch. */
export interface WaitOptions {
  /** In milliseconds, from 0 to any number. `Infinity`, the default: as long as it takes. */
  timeoutMs?: number | undefined;
  /** Ends the waiting; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

export function createEndWatcher(queues: ClientQueues) {
  const { link, batches } = queues;
  const waiters = new Map<string, Set<() => void>>();
  let listening: Promise<QueueEventReader> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const wake = (jobId: string) => {
    for (const waiter of waiters.get(jobId) ?? []) waiter();
  };

  function throwIfClosed(): void {
    if (closed) throw new ClientClosedError();
  }

  async function listen(): Promise<QueueEventReader> {
    // Read before any job is: no event falls between reading a job and listening.
    const last = await lastEventId(queues, batches);
    throwIfClosed();
    const events = new QueueEventReader(queues, batches.name, last);
    events.on('completed', ({ jobId }) => wake(jobId));
    events.on('failed', ({ jobId }) => wake(jobId));
    return events;
  }

  async function wakeEnded(): Promise<void> {
    const jobIds = [...waiters.keys()];
    const pipeline = link.redis.pipeline();
    for (const jobId of jobIds) pipeline.hmget(batches.toKey(jobId), 'name', 'finishedOn');
    const replies = (await pipeline.exec()) ?? [];
    for (const [index, [error, reply]] of replies.entries()) {
      if (error || !Array.isArray(reply)) continue;
      const [name, finishedOn] = reply;
      if (name === null || finishedOn !== null) wake(jobIds[index] ?? '');
    }
  }

  function startReading(): void {
    timer ??= setInterval(() => {
      // While Redis is away there is nothing to read.
      if (waiters.size > 0 && link.redis.status === 'ready') wakeEnded().catch(() => {});
    }, READ_EVERY_MS);
  }

  async function readSummary(reference: string): Promise<BatchSummary | null> {
    const job = await batches.getJob(batchJobId(reference));
    if (job) return summaryOf(job, reference);
    const summary = await summaryOfEvent(queues, reference);
    if (!summary) throw new UnknownReferenceError(reference);
    return summary;
  }

  return {
    /**
     * Resolves when the batch has ended, completed or failed. After the start, Redis may go away
     * and come back.
     * @throws UnknownReferenceError, WaitTimeoutError, ClientClosedError, the signal's reason;
     * RedisUnavailableError and UsageError at the start.
     */
    async wait(reference: string, options: WaitOptions = {}): Promise<BatchSummary> {
      checkReference('wait', reference);
      checkWaitOptions(options);
      options.signal?.throwIfAborted();
      const jobId = batchJobId(reference);
      const waiter = createWaiter(reference, options);
      const known = waiters.get(jobId) ?? new Set();
      waiters.set(jobId, known.add(waiter.wake));
      try {
        let summary = await link.run(async () => {
          listening ??= listen();
          listening.catch(() => {
            listening = undefined;
          });
          await listening;
          return readSummary(reference);
        });
        // Who closes while Redis answers has nothing left that would stop what begins here.
        throwIfClosed();
        startReading();
        while (!summary) {
          await waiter.woken();
          throwIfClosed();
          summary = await link.run(() => readSummary(reference)).catch(nullWhenAway);
        }
        return summary;
      } finally {
        waiter.stop();
        known.delete(waiter.wake);
        if (known.size === 0) waiters.delete(jobId);
      }
    },
    async close() {
      closed = true;
      clearInterval(timer);
      for (const jobId of [...waiters.keys()]) wake(jobId);
      const events = await listening?.catch(() => undefined);
      await events?.close();
    },
  };
}

function nullWhenAway(error: unknown): null {
  if (error instanceof RedisUnavailableError) return null;
  throw error;
}

function checkWaitOptions(options: WaitOptions): void {
  checkOptions('wait', options, ['timeoutMs', 'signal']);
  checkSignal(options.signal);
  const { timeoutMs } = options;
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs >= 0)) return;
  throw new UsageError('timeoutMs must be a number of milliseconds, at least 0, or Infinity');
}

/** One caller that waits for the end of a batch, until its time is up or its signal aborts. */
function createWaiter(
  reference: string,
  { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions,
) {
  let awake = false;
  let over: { error: unknown } | undefined;
  let settle: (() => void) | undefined;

  const giveUp = (error: unknown) => {
    over ??= { error };
    settle?.();
  };
  const callOff = callAfter(timeoutMs, () => giveUp(new WaitTimeoutError(reference, timeoutMs)));
  const stopWaiting = signal && whenAborted(signal, () => giveUp(signal.reason));

  return {
    /** Something may have happened. It is remembered when nobody waits at this moment. */
    wake() {
      awake = true;
      settle?.();
    },
    /** Resolves when `wake` was called since the last call; rejects when the waiting is over. */
    async woken() {
      if (!awake && !over) {
        await new Promise<void>((resolve) => {
          settle = resolve;
        });
        settle = undefined;
      }
      if (over) throw over.error;
      awake = false;
    },
    stop() {
      callOff();
      stopWaiting?.();
    },
  };
}
