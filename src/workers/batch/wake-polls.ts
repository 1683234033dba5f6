/** Wakes polls that sleep, as the outside wants it of their batch. */
import { pollJobId } from '../../jobs/ids.js';
import { promoteIfDelayed } from '../../redis/promote.js';
import type { Flags } from '../runtime/signals.js';
import { type BatchContext, uploadsThatAre } from './batch-context.js';

/**
 * Polls that sleep find out at once that the batch is cancelled. Atlas may have called before it
 * answered the upload, when there was no job to wake yet: a wake that is younger than the request
 * ends the first sleep of a poll at once.
 */
export async function wakePolls(entry: BatchContext, { cancelled, wokenAt }: Flags): Promise<void> {
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
