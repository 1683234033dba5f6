/**
 * What polls have read of lists that are not complete. When Atlas cannot be read any more, until the
 * deadline, this is stored. Extracts never lie in Redis: so each process remembers its own, for as long as
 * no poll needs the memory, and not beyond the deadline.
 */
import type { Reconciliation } from '../../../extracts/reconcile.js';
import type { PollData } from '../../../jobs/state/poll-state.js';
import { MAX_TIMER_MS } from '../../../timeouts.js';
import type { PollAccount } from './poll-memory.js';

/** A poll that begins at the deadline has ended so much later, however often its requests are repeated. */
export const LAST_POLL_MS = 600_000;

interface Reading {
  found: Reconciliation;
  memory: PollAccount;
  timer: NodeJS.Timeout;
}

export class LastReadings {
  private readonly readings = new Map<string, Reading>();

  /** Lets the reading be used, and its memory be given to nobody else until that is over. */
  async using<T>(data: PollData, use: (found: Reconciliation | null) => Promise<T>): Promise<T> {
    const reading = this.readings.get(keyOf(data));
    if (reading === undefined) return await use(null);
    const letLinger = reading.memory.hold();
    try {
      return await use(reading.found);
    } finally {
      if (this.readings.get(keyOf(data)) === reading) letLinger();
    }
  }

  /** The best reading of an Atlas batch that is remembered. */
  of(data: PollData): Reconciliation | null {
    return this.readings.get(keyOf(data))?.found ?? null;
  }

  /**
   * Remembers what a poll that is over has read, unless an earlier one has read more.
   * @returns false when there is no room for it: the poll holds it still.
   * @param memory Of that poll, which is left until there is need.
   * @param deadlineMs Of its batch, which another process may end.
   */
  remember(
    data: PollData,
    found: Reconciliation,
    { memory, deadlineMs }: { memory: PollAccount; deadlineMs: number },
  ): boolean {
    if (richerOf(found, this.of(data)) !== found) return true;
    this.forget(data);
    if (!memory.linger(() => this.forget(data))) return false;
    const keepMs = Math.min(deadlineMs + LAST_POLL_MS, MAX_TIMER_MS);
    const timer = setTimeout(() => this.forget(data), keepMs).unref();
    this.readings.set(keyOf(data), { found, memory, timer });
    return true;
  }

  forget(data: PollData): void {
    const key = keyOf(data);
    const reading = this.readings.get(key);
    if (reading === undefined) return;
    this.readings.delete(key);
    clearTimeout(reading.timer);
    reading.memory.forget();
  }
}

/** The one with more documents, or else with more extracts; the newer one when neither has more. */
export function richerOf(newer: Reconciliation, older: Reconciliation | null): Reconciliation {
  if (older === null) return newer;
  const more = older.present - newer.present || extractsOf(older) - extractsOf(newer);
  return more > 0 ? older : newer;
}

/** Those of documents that were sent: what Atlas adds by mistake makes no list richer. */
function extractsOf({ extractCount, unexpectedCount }: Reconciliation): number {
  return extractCount - unexpectedCount;
}

/** A `batch_id` may come again, and so may a reference. */
function keyOf({ reference, batchTimestamp, atlasBatchId }: PollData): string {
  return `${reference}@${batchTimestamp} ${atlasBatchId}`;
}
