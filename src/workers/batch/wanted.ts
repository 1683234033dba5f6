/** What the outside wants of a batch whose polls are pending, and what is wrong with those that were just added. */
import { readOwner } from '../../jobs/atlas-batch-owner.js';
import { pollJobId } from '../../jobs/ids.js';
import { ownerKey } from '../../jobs/keys/redis-keys.js';
import { promoteIfDelayed } from '../../redis/promote.js';
import { type Flags, flagKeys, toFlags } from '../runtime/signals.js';
import { isOurs } from './add-poll-job.js';
import { type BatchContext, uploadsThatAre } from './batch-context.js';

export interface Wanted extends Flags {
  /** Ids of poll jobs whose Atlas batch was another's. Once one is removed, `refuseIfPruned` finds why. */
  foreign: string[];
}

/** The keys that say it, to be read in one command, and what their values mean. */
export function wantedOf(entry: BatchContext) {
  const { context, request, job, addedPolls } = entry;
  const flags = flagKeys(context, request.reference);
  const added = uploadsThatAre(entry.state, 'sent')
    .filter(({ index }) => addedPolls.has(index))
    .map(({ upload }) => upload.atlasBatchId);
  const owners = added.map((atlasBatchId) => ownerKey(context.config.QUEUE_PREFIX, atlasBatchId));
  const toWanted = (values: readonly (string | null)[]): Wanted => {
    const foreign = added.filter((_, i) => {
      const owner = readOwner(values[flags.length + i] ?? null);
      return owner && !isOurs(entry, owner);
    });
    return { ...toFlags(values, job.timestamp), foreign: foreign.map(pollJobId) };
  };
  return { keys: [...flags, ...owners], toWanted };
}

/** Poll jobs that are not to be are removed, the last of which wakes the batch; others are woken as the flags want it. */
export async function heed(entry: BatchContext, { foreign, ...flags }: Wanted): Promise<void> {
  await Promise.all(foreign.map((id) => entry.context.pollJobs.remove(id)));
  await wakePolls(entry, flags);
}

/**
 * Polls that sleep find out at once that the batch is cancelled. Atlas may have called before it
 * answered the upload, when there was no job to wake yet: a wake that is younger than the request
 * ends the first sleep of a poll at once.
 */
async function wakePolls(entry: BatchContext, { cancelled, wokenAt }: Flags): Promise<void> {
  const { context, addedPolls } = entry;
  const { ATLAS_TIMEOUT_MS } = context.config;
  const meant = uploadsThatAre(entry.state, 'sent').filter(
    ({ index, upload }) =>
      cancelled || (addedPolls.has(index) && wokenAt > upload.sentAt - ATLAS_TIMEOUT_MS),
  );
  await Promise.all(
    meant.map(({ upload }) => promoteIfDelayed(context.pollJobs, pollJobId(upload.atlasBatchId))),
  );
}
