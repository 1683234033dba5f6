/** Which documents go into which upload. Pure. */
import type { PlannedUpload } from '../../jobs/batch-state.js';
import { toRanges } from '../../jobs/index-ranges.js';

/** Documents of one upload at most: none is larger than what may be in flight. */
export function uploadSize(config: {
  ATLAS_MAX_DOCUMENTS_PER_UPLOAD: number;
  ATLAS_MAX_DOCUMENTS_IN_FLIGHT: number;
}): number {
  const { ATLAS_MAX_DOCUMENTS_PER_UPLOAD: most, ATLAS_MAX_DOCUMENTS_IN_FLIGHT: limit } = config;
  return limit > 0 ? Math.min(most, limit) : most;
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
