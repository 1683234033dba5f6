/** Adds the poll job of an upload that Atlas took, as a child of the upload's batch. */
import { ErrorCode } from 'bullmq';
import { hasCode } from '../../errors.js';
import { type AtlasBatchOwner, readOwner } from '../../jobs/atlas-batch-owner.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { ownerKey } from '../../jobs/keys/redis-keys.js';
import { BATCHES_QUEUE, POLL_JOB } from '../../jobs/queues.js';
import type { SentUpload } from '../../jobs/state/batch-state.js';
import { indexesOf, type PollData } from '../../jobs/state/poll-state.js';
import { nextPollDelayMs } from '../poll/next-poll.js';
import { type BatchContext, clockStart, deadlineMsOf } from './batch-context.js';
import { memberOf } from './gate-members.js';
import { stepUpload } from './transitions.js';

/**
 * Adds the job, which sleeps until the policy's first poll. Adding it again changes nothing. When
 * another batch holds the same Atlas batch, the upload is refused instead; whether one held it is for
 * {@link refuseIfPruned}, or `wantedOf`.
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
      delay: nextPollDelayMs(
        context,
        data,
        { present: 0, polls: 0 },
        { now: clock.now(), deadlineMs: deadlineMsOf(entry) },
      ),
      parent: { id: entry.lease.jobId, queue: `${config.QUEUE_PREFIX}:${BATCHES_QUEUE}` },
      continueParentOnFailure: true,
    });
  } catch (error) {
    if (!hasCode(error, ErrorCode.ParentJobCannotBeReplaced)) throw error;
    refuseForeignUpload(entry, index);
  }
}

/**
 * Refuses the upload, and removes its poll job, when the Atlas batch was another's whose poll job is pruned. Asked
 * once ours is there: asked before, the other one could be pruned between the answer and the adding.
 * @returns whether it was.
 */
export async function refuseIfPruned(
  entry: BatchContext,
  index: number,
  atlasBatchId: string,
): Promise<boolean> {
  const { redis, config, pollJobs } = entry.context;
  const owner = readOwner(await redis.get(ownerKey(config.QUEUE_PREFIX, atlasBatchId)));
  if (!owner || isOurs(entry, owner)) return false;
  await pollJobs.remove(pollJobId(atlasBatchId));
  refuseForeignUpload(entry, index);
  return true;
}

export function isOurs({ request, job }: BatchContext, owner: AtlasBatchOwner): boolean {
  return owner.reference === request.reference && owner.timestamp === job.timestamp;
}

/** Atlas answered with the `batch_id` of another batch. Not saved: it is found again. */
export function refuseForeignUpload(entry: BatchContext, index: number): void {
  entry.state = stepUpload(entry.state, index, { kind: 'not-ours' });
  const upload = entry.state.uploads[index];
  if (upload?.state === 'refused') entry.lease.note(upload.reason.message);
}
