/** Which documents go into which upload. Pure. */
import type { GateBounds } from '../../../gate/gate-model.js';
import { toRanges } from '../../../jobs/index-ranges.js';
import type { PlannedUpload } from '../../../jobs/state/batch-state.js';

/** Documents of one upload at most: none is larger than what may be in flight, or go out on one day. */
export function uploadSize(most: number, { limit, quota }: GateBounds): number {
  return Math.min(most, ...[limit, quota].filter((bound) => bound > 0));
}

/** Uploads of at most `size` documents each, in the order of the indexes. */
export function planUploads(
  indexes: readonly number[],
  { round, size, scoped }: { round: number; size: number; scoped: boolean },
): PlannedUpload[] {
  const count = Math.ceil(indexes.length / size);
  return Array.from({ length: count }, (_, i) => ({
    state: 'planned',
    round,
    documentIndexes: toRanges(indexes.slice(i * size, (i + 1) * size)),
    scoped,
    resubmissions: 0,
  }));
}
