/** Counts of batches, made again only as often as Redis can afford it. */
import type { ClientQueues } from '../../../../batches/client-queues.js';
import type { BatchFilter } from '../../../../batches/lists/batch-filter.js';
import { type BatchCounts, countBatches } from '../../../../batches/lists/count-batches.js';

/** A twentieth of the time, at most, goes into counting what is shown again and again. */
const REUSED_FOR = 20;
/** Filters whose counts are kept. */
const KEPT = 50;

interface Counted {
  counts: Promise<BatchCounts>;
  /** Until when it is told again, monotonic. */
  until: number;
}

export type CountCache = (key: string, filter: BatchFilter) => Promise<BatchCounts>;

/** @returns What counts, or tells again what it has counted a moment ago under the same key. */
export function createCountCache(queues: ClientQueues): CountCache {
  const known = new Map<string, Counted>();
  return (key, filter) => {
    const before = known.get(key);
    if (before && performance.now() < before.until) return before.counts;
    const startedAt = performance.now();
    const counted: Counted = {
      counts: countBatches(queues, filter),
      until: Number.POSITIVE_INFINITY,
    };
    counted.counts.then(
      () => {
        const now = performance.now();
        counted.until = now + REUSED_FOR * (now - startedAt);
      },
      () => known.delete(key),
    );
    known.delete(key);
    known.set(key, counted);
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break;
      known.delete(oldest);
    }
    return counted.counts;
  };
}
