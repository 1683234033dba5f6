/** Which documents go into which upload. Pure. */
import type { Config } from '../../../config/config.js';
import { toRanges } from '../../../jobs/index-ranges.js';
import type { PlannedUpload } from '../../../jobs/state/batch-state.js';

/** Documents of one upload at most: none is larger than what may be in flight, or go out on one day. */
export function uploadSize(
  config: Pick<
    Config,
    | 'ATLAS_MAX_DOCUMENTS_PER_UPLOAD'
    | 'ATLAS_MAX_DOCUMENTS_IN_FLIGHT'
    | 'ATLAS_MAX_DOCUMENTS_PER_DAY'
  >,
): number {
  const bounds = [config.ATLAS_MAX_DOCUMENTS_IN_FLIGHT, config.ATLAS_MAX_DOCUMENTS_PER_DAY];
  return Math.min(config.ATLAS_MAX_DOCUMENTS_PER_UPLOAD, ...bounds.filter((bound) => bound > 0));
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
