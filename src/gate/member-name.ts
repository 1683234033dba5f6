/** How the gate names an upload. Pure. */
import { fromRanges } from '../jobs/index-ranges.js';
import type { Upload } from '../jobs/state/batch-state.js';

/**
 * `<job id>@<timestamp>/<round>.<first index>`; `r<n>.` before the round in the n-th run after the first, and
 * `~<n>` after all of the n-th repetition of an unknown attempt.
 */
export function memberName(
  { jobId, timestamp }: { jobId: string; timestamp: number },
  upload: Upload,
  attempt = upload.resubmissions,
): string {
  const [first = 0] = fromRanges(upload.documentIndexes);
  const run = upload.run === undefined ? '' : `r${upload.run}.`;
  const again = attempt === 0 ? '' : `~${attempt}`;
  return `${jobId}@${timestamp}/${run}${upload.round}.${first}${again}`;
}
