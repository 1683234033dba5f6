/** Which documents go into which upload, and how long each round may take. Pure. */
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

/**
 * End of an upload's share of the deadline: what is left when it is sent, divided equally among
 * its round and those still to come.
 * @param roundsAfter Rounds that may follow.
 */
export function shareEndsAt(sentAt: number, deadlineAt: number, roundsAfter: number): number {
  return Math.round(sentAt + Math.max(0, deadlineAt - sentAt) / (roundsAfter + 1));
}
