/** Which documents go into which upload. Pure. */
import type { PlannedUpload } from '../../jobs/batch-state.js';
import { toRanges } from '../../jobs/index-ranges.js';

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
