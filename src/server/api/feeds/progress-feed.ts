/**
 * The progress of batches for all who follow it in this process: the events of BullMQ are read once, and
 * the status of a batch once per change. It is not durable; outcomes have a feed of their own.
 */
import type { ClientQueues } from '../../../batches/client-queues.js';
import type { BatchStatus } from '../../../batches/status/status.js';
import { followProgress } from '../../../client/progress-events.js';
import { pause } from '../../../timeouts.js';
import { runningTenant } from '../find-tenant.js';

/** Until the events are read again when Redis is away. */
const READ_AGAIN_MS = 1000;

export interface Progress {
  status: BatchStatus;
  /** Null when it has none. */
  tenant: string | null;
}

export class ProgressFeed {
  private readonly followers = new Set<(progress: Progress) => void>();
  private readonly closing = new AbortController();
  /** Ends the reading when nobody follows any more. */
  private reading: AbortController | undefined;

  constructor(private readonly queues: ClientQueues) {}

  /** @param tell Called with each change of a batch that has not ended. @returns How to end that. */
  follow(tell: (progress: Progress) => void): () => void {
    const follower = (progress: Progress) => tell(progress);
    this.followers.add(follower);
    if (this.reading === undefined) {
      this.reading = new AbortController();
      this.keepReading(this.reading.signal);
    }
    return () => {
      this.followers.delete(follower);
      if (this.followers.size > 0) return;
      this.reading?.abort();
      this.reading = undefined;
    };
  }

  close(): void {
    this.closing.abort();
    this.reading?.abort();
  }

  private async keepReading(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.closing.signal.aborted) {
      await this.readAll(signal).catch(() => pause(READ_AGAIN_MS, signal).catch(() => {}));
    }
  }

  private async readAll(signal: AbortSignal): Promise<void> {
    const client = { closing: this.closing.signal, opened: new Set<never>() };
    for await (const status of followProgress(this.queues, { signal }, client)) {
      // The end of a batch is an outcome.
      if (status.summary !== null) continue;
      const running = await runningTenant(this.queues, status.reference);
      if (running === null) continue;
      for (const tell of this.followers) tell({ status, ...running });
    }
  }
}
