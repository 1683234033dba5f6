/**
 * A queue of batches to wake, because callbacks named them. It is bounded: a batch that does not fit
 * is dropped, since its next scheduled poll finds the same.
 */

/** References that wait at most: a minute's work of one process, and a few megabytes. */
const MAX_WAITING = 10_000;
/** Batches that are woken at the same time: enough to hide the round trips to Redis. */
const CONCURRENCY = 16;
/** Ids that are kept of one reference. With more, all uploads of the batch are woken. */
const MAX_DOCUMENTS = 500;

/** `duplicate`: the reference was waiting already. */
export type AddResult = 'queued' | 'duplicate' | 'dropped';

/** Wakes one batch. Without document ids it wakes all of its uploads. Must not throw. */
export type Wake = (
  reference: string,
  documentIds: ReadonlySet<string> | undefined,
) => Promise<void>;

export class WakeQueue {
  private readonly waiting = new Map<string, Set<string>>();
  private readonly underWay = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly wake: Wake) {}

  add(reference: string, documentIds: ReadonlySet<string>): AddResult {
    const ids = this.waiting.get(reference);
    if (ids) {
      for (const id of documentIds) if (ids.size <= MAX_DOCUMENTS) ids.add(id);
      return 'duplicate';
    }
    if (this.closed || this.waiting.size >= MAX_WAITING) return 'dropped';
    this.waiting.set(reference, new Set(documentIds));
    this.goOn();
    return 'queued';
  }

  /** Takes no more, and wakes those that still wait. May be called twice. */
  async stop(): Promise<void> {
    this.closed = true;
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private goOn(): void {
    for (const [reference, ids] of this.waiting) {
      if (this.underWay.size >= CONCURRENCY) return;
      // Deleted before the call: a callback from now on may be about something that this poll misses.
      this.waiting.delete(reference);
      const woken = this.wake(reference, ids.size > MAX_DOCUMENTS ? undefined : ids).finally(() => {
        this.underWay.delete(woken);
        this.goOn();
      });
      this.underWay.add(woken);
    }
  }
}
