/** Adds the poll job of an upload that Atlas took, as a child of the upload's batch. */
import { ErrorCode } from 'bullmq';
import { hasCode } from '../../errors.js';
import { formatOwner } from '../../jobs/atlas-batch-owner.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { ownerKey } from '../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE, POLL_JOB } from '../../jobs/queues.js';
import type { SentUpload } from '../../jobs/state/batch-state.js';
import { indexesOf, type PollData } from '../../jobs/state/poll-state.js';
import { nextPollDelayMs } from '../poll/next-poll.js';
import { type BatchContext, clockStart, deadlineMsOf, uploadsThatAre } from './batch-context.js';
import { memberOf } from './gate-members.js';
import { stepUpload } from './transitions.js';

/**
 * Adds the job, which sleeps until the policy's first poll. Adding it again changes nothing. When
 * another batch holds the same Atlas batch, the upload is refused instead. Whether one held it before its poll job was
 * pruned can only be asked once ours is there: that is for who goes on ({@link addedOwners}, {@link refusePruned}).
 *
 * The command goes out before all that follows over the same connection, so only who waits for the
 * poll jobs has to know how it went: the adding is kept in `addedPolls`.
 */
export function addPollJob(entry: BatchContext, index: number, upload: SentUpload): Promise<void> {
  const added = add(entry, index, upload);
  added.catch(() => {});
  entry.addedPolls.set(index, added);
  return added;
}

async function add(entry: BatchContext, index: number, upload: SentUpload): Promise<void> {
  const { context, job, request } = entry;
  const { config, clock } = context;
  const { atlasBatchId, sentAt } = upload;
  const documentIds = fromRanges(upload.documentIndexes).flatMap(
    (index) => request.documents[index]?.documentId ?? [],
  );
  const now = clock.now();
  const areFirst = indexesOf({ documentIds }) === upload.documentIndexes;
  const data: PollData = {
    v: 1,
    reference: request.reference,
    atlasBatchId,
    productType: request.productType,
    documentIds,
    ...(!areFirst && { documentIndexes: upload.documentIndexes }),
    ...(upload.scoped && { scoped: true }),
    batchTimestamp: job.timestamp,
    sentAt,
    batchStartedAt: clockStart(entry.state),
    ...(context.gate.isOn && { gateMember: memberOf(entry, upload) }),
    roundsAfter: Math.max(0, config.RESUBMIT_MISSING + 1 - upload.round),
  };
  try {
    await context.pollJobs.add(POLL_JOB, data, {
      jobId: pollJobId(atlasBatchId),
      // The delay counts from there. BullMQ would take the host's clock.
      timestamp: now,
      delay: nextPollDelayMs(
        context,
        data,
        { present: 0, polls: 0 },
        { now, deadlineMs: deadlineMsOf(entry) },
      ),
      parent: { id: entry.lease.jobId, queue: `${config.QUEUE_PREFIX}:${BATCHES_QUEUE}` },
      continueParentOnFailure: true,
    });
  } catch (error) {
    if (!hasCode(error, ErrorCode.ParentJobCannotBeReplaced)) throw error;
    refuseForeignUpload(entry, index);
  }
}

/** Keys that hold {@link ownerValue}, where they exist: the poll jobs that were added in this entry may run. */
export function addedOwners(entry: BatchContext): string[] {
  const { QUEUE_PREFIX } = entry.context.config;
  return addedUploads(entry).map(({ upload }) => ownerKey(QUEUE_PREFIX, upload.atlasBatchId));
}

/** What the owner key of an Atlas batch of ours holds. */
export function ownerValue({ request, job }: BatchContext): string {
  return formatOwner({ reference: request.reference, timestamp: job.timestamp });
}

/**
 * Refuses what was added in this entry of Atlas batches that were another's.
 * @returns false when one of them is being polled: that waits for the next entry.
 */
export async function refusePruned(entry: BatchContext): Promise<boolean> {
  await Promise.all(entry.addedPolls.values());
  const areDone = await Promise.all(
    addedUploads(entry).map(({ index, upload }) => refuseIfPruned(entry, index, upload)),
  );
  return !areDone.includes(false);
}

/**
 * Refuses the upload, and removes its poll job, when its Atlas batch was another's whose poll job is pruned.
 * @returns false when that is to be done later, as of {@link refusePolled}.
 */
export async function refuseIfPruned(
  entry: BatchContext,
  index: number,
  { atlasBatchId }: SentUpload,
): Promise<boolean> {
  const { redis, config } = entry.context;
  const owner = await redis.get(ownerKey(config.QUEUE_PREFIX, atlasBatchId));
  if (owner === null || owner === ownerValue(entry)) return true;
  return refusePolled(entry, index, atlasBatchId);
}

/**
 * Refuses an upload whose poll job was added, and removes that.
 * @returns false when a worker is polling, whose job cannot be removed: then the upload stays as it is, or its batch might
 *   end and leave a poll behind.
 */
export async function refusePolled(
  entry: BatchContext,
  index: number,
  atlasBatchId: string,
): Promise<boolean> {
  const isRemoved = (await entry.context.pollJobs.remove(pollJobId(atlasBatchId))) === 1;
  if (isRemoved) refuseForeignUpload(entry, index);
  return isRemoved;
}

function addedUploads(entry: BatchContext) {
  return uploadsThatAre(entry.state, 'sent').filter(({ index }) => entry.addedPolls.has(index));
}

/** Atlas answered with the `batch_id` of another batch. Not saved: it is found again. */
export function refuseForeignUpload(entry: BatchContext, index: number): void {
  entry.state = stepUpload(entry.state, index, { kind: 'not-ours' });
  const upload = entry.state.uploads[index];
  if (upload?.state === 'refused') entry.lease.note(upload.reason.message);
}
