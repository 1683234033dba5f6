/** What the uploads of a batch are in the gate, and what the steps between their states do to that. Pure. */
import type { BatchState, Upload, UploadState } from '../../jobs/batch-state.js';
import { fromRanges } from '../../jobs/index-ranges.js';

/**
 * Where an upload of each state is. One that is planned asks: it is in line, or admitted and about to be
 * sent. One that is sent is in flight until the result of its poll job is saved. An attempt of which nobody
 * knows what came of it has a member of its own, and stays in flight.
 */
const PLACES: Readonly<Record<UploadState, 'asks' | 'in-flight' | 'nowhere'>> = {
  planned: 'asks',
  sending: 'in-flight',
  sent: 'in-flight',
  ended: 'nowhere',
  refused: 'nowhere',
};

/** The job that an upload belongs to. */
interface Owner {
  lease: { jobId: string };
  job: { timestamp: number };
}

/**
 * `<job id>@<timestamp>/<round>.<first index>`; `r<n>.` before the round in the n-th run after the first, and
 * `~<n>` after all of the n-th repetition of an unknown attempt.
 */
export function memberOf(owner: Owner, upload: Upload): string {
  return attempt(owner, upload, upload.resubmissions);
}

/** Those of its earlier attempts that Atlas may have. */
export function unknownMembersOf(owner: Owner, upload: Upload): string[] {
  return Array.from({ length: upload.resubmissions }, (_, n) => attempt(owner, upload, n));
}

/** Those that have nothing to wait for or to be released by: for a batch that sends nothing now. */
export function membersToLeave(owner: Owner, { uploads }: BatchState): string[] {
  return uploads
    .filter(({ state }) => PLACES[state] !== 'in-flight')
    .map((upload) => memberOf(owner, upload));
}

/** All that a batch may have, at its end. */
export function allMembers(owner: Owner, { uploads }: BatchState): string[] {
  return uploads.flatMap((upload) => [memberOf(owner, upload), ...unknownMembersOf(owner, upload)]);
}

function attempt({ lease, job }: Owner, upload: Upload, n: number): string {
  const [first = 0] = fromRanges(upload.documentIndexes);
  const run = upload.run === undefined ? '' : `r${upload.run}.`;
  const again = n === 0 ? '' : `~${n}`;
  return `${lease.jobId}@${job.timestamp}/${run}${upload.round}.${first}${again}`;
}
