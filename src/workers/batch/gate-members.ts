/** What the uploads of a batch are in the gate, and what the steps between their states do to that. Pure. */
import { memberName } from '../../gate/member-name.js';
import type { BatchState, Upload, UploadState } from '../../jobs/state/batch-state.js';

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

/** That of its latest attempt. */
export function memberOf(owner: Owner, upload: Upload): string {
  return nameOf(owner, upload);
}

/** Those of its earlier attempts that Atlas may have. */
export function unknownMembersOf(owner: Owner, upload: Upload): string[] {
  return Array.from({ length: upload.resubmissions }, (_, n) => nameOf(owner, upload, n));
}

/** Members that leave the gate. */
export interface Leaving {
  /** By the index of its upload, each that was surely not sent. */
  unsent: { index: number; member: string }[];
  /** Those that Atlas has or may have. */
  others: string[];
}

/** Those that have nothing to wait for or to be released by: for a batch that sends nothing now. */
export function membersToLeave(owner: Owner, { uploads }: BatchState): Leaving {
  return leaving(owner, uploads, ({ state }) => PLACES[state] !== 'in-flight');
}

/** All that a batch may have, at its end. */
export function allMembers(owner: Owner, { uploads }: BatchState): Leaving {
  const { unsent, others } = leaving(owner, uploads, () => true);
  const unknown = uploads.flatMap((upload) => unknownMembersOf(owner, upload));
  return { unsent, others: [...others, ...unknown] };
}

function leaving(
  owner: Owner,
  uploads: readonly Upload[],
  isMeant: (upload: Upload) => boolean,
): Leaving {
  const all: Leaving = { unsent: [], others: [] };
  for (const [index, upload] of uploads.entries()) {
    if (!isMeant(upload)) continue;
    const member = memberOf(owner, upload);
    if (isSurelyNotSent(upload)) all.unsent.push({ index, member });
    else all.others.push(member);
  }
  return all;
}

/** A clear no of Atlas counts as not sent: it did nothing with it. */
function isSurelyNotSent(upload: Upload): boolean {
  if (upload.state !== 'refused') return upload.state === 'planned';
  return upload.atlasBatchId === null && upload.reason.code !== 'AMBIGUOUS_SUBMISSION';
}

function nameOf({ lease, job }: Owner, upload: Upload, attempt?: number): string {
  return memberName({ jobId: lease.jobId, timestamp: job.timestamp }, upload, attempt);
}
