/** Where a batch stands in line. */
import { readPlaces, type UnknownDocuments } from '../../gate/line.js';
import { memberName } from '../../gate/member-name.js';
import type { BatchState } from '../../jobs/state/batch-state.js';
import type { ClientQueues } from '../client-queues.js';

/** Of a batch that has uploads in line. */
export interface LinePlace {
  /** Of its first upload in line; 1 is the head. */
  place: number;
  /** Uploads in line, of all batches. */
  uploads: number;
  /**
   * `limit`: Atlas has as many documents as it may have. `quota`: as many were sent as may be on one day.
   * `pause`: somebody has stopped the sending. `outage`: Atlas refuses the credentials, or does not answer.
   * `worker`: nothing holds it; it goes as soon as a worker that can send has a place for it.
   */
  why: 'limit' | 'quota' | 'pause' | 'outage' | 'worker';
  /** When that ends by itself, ISO 8601; null when nobody knows. */
  until: string | null;
  /** Where it is the limit: uploads that keep room, since nobody knows whether Atlas has them. */
  unknown?: UnknownDocuments | undefined;
}

/** They stand one after the other: the first that waits is among them, but for a few that are admitted. */
const MEMBERS_ASKED = 100;

/** Null when nothing of it is in line. */
export async function linePlaceOf(
  { link, prefix }: ClientQueues,
  job: { jobId: string; timestamp: number },
  state: BatchState | null,
): Promise<LinePlace | null> {
  const planned = (state?.uploads ?? []).filter((upload) => upload.state === 'planned');
  if (planned.length === 0) return null;
  const members = planned.slice(0, MEMBERS_ASKED).map((upload) => memberName(job, upload));
  const { hold, uploads, places } = await readPlaces(link.redis, prefix, members);
  const known = places.filter((place) => place !== null);
  return known.length === 0 ? null : { place: Math.min(...known), uploads, ...hold };
}
