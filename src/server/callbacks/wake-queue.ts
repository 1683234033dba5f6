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
/** Ids that are kept of all references: 60 MB of the longest that callbacks are read for. */
const MAX_DOCUMENTS_IN_ALL = 100_000;

/** `duplicate`: the reference was waiting already. */
export type AddResult = 'queued' | 'duplicate' | 'dropped';

/** Wakes one batch. Without document ids it wakes all of its uploads. Must not throw. */
export type Wake = (
  reference: string,
  documentIds: ReadonlySet<string> | undefined,
) => Promise<void>;

export class WakeQueue {
  /** Without ids: all uploads of the batch. */
  private readonly waiting = new Map<string, Set<string> | undefined>();
  private documents = 0;
  private readonly underWay = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly wake: Wake) {}

  add(reference: string, documentIds: ReadonlySet<string>): AddResult {
    const isDuplicate = this.waiting.has(reference);
    if (!isDuplicate && (this.closed || this.waiting.size >= MAX_WAITING)) return 'dropped';
    const before = isDuplicate ? this.waiting.get(reference) : new Set<string>();
    this.waiting.set(reference, before && this.keep(before, documentIds));
    if (isDuplicate) return 'duplicate';
    this.goOn();
    return 'queued';
  }

  /** Both together; undefined when they are too many to be kept. */
  private keep(ids: Set<string>, more: ReadonlySet<string>): Set<string> | undefined {
    const sizeBefore = ids.size;
    const room = Math.min(MAX_DOCUMENTS, sizeBefore + MAX_DOCUMENTS_IN_ALL - this.documents);
    for (const id of more) {
      ids.add(id);
      if (ids.size > room) {
        this.documents -= sizeBefore;
        return undefined;
      }
    }
    this.documents += ids.size - sizeBefore;
    return ids;
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
      this.documents -= ids?.size ?? 0;
      const woken = this.wake(reference, ids).finally(() => {
        this.underWay.delete(woken);
        this.goOn();
      });
      this.underWay.add(woken);
    }
  }
}
