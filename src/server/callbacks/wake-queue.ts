/**
 * Wakes the batches that callbacks name, after the callbacks have been answered. Bounded: what
 * does not fit is dropped, for the safety net finds every batch that nobody rang for.
 */

/** References that wait; a minute's work of one process, and a few megabytes at most. */
const MAX_WAITING = 10_000;
/** Woken at once: enough to hide the way to Redis. */
const CONCURRENCY = 16;
/** Ids kept of one reference that waits; beyond, all of its uploads are woken. */
const MAX_DOCUMENTS = 500;

/** What became of one ring. `duplicate`: the reference was waiting already. */
export type Rung = 'queued' | 'duplicate' | 'dropped';

/** Wakes one batch; undefined documents mean all. Must not throw. */
export type Wake = (
  reference: string,
  documentIds: ReadonlySet<string> | undefined,
) => Promise<void>;

export class WakeQueue {
  private readonly waiting = new Map<string, Set<string>>();
  private readonly underWay = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly wake: Wake) {}

  ring(reference: string, documentIds: ReadonlySet<string>): Rung {
    const known = this.waiting.get(reference);
    if (known) {
      for (const id of documentIds) if (known.size <= MAX_DOCUMENTS) known.add(id);
      return 'duplicate';
    }
    if (this.closed || this.waiting.size >= MAX_WAITING) return 'dropped';
    this.waiting.set(reference, new Set(documentIds));
    this.goOn();
    return 'queued';
  }

  /** Wakes who still waits, and takes no more. May be called twice. */
  async stop(): Promise<void> {
    this.closed = true;
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private goOn(): void {
    for (const [reference, ids] of this.waiting) {
      if (this.underWay.size >= CONCURRENCY) return;
      // No longer waiting: a ring from now on may tell of something that this poll misses.
      this.waiting.delete(reference);
      const woken = this.wake(reference, ids.size > MAX_DOCUMENTS ? undefined : ids).finally(() => {
        this.underWay.delete(woken);
        this.goOn();
      });
      this.underWay.add(woken);
    }
  }
}
