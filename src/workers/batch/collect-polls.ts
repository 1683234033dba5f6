/** Takes the results of the poll jobs over into the state of their batch. */
import { ErrorCode, type Job } from 'bullmq';
import { hasCode } from '../../errors.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import { ownerKey } from '../../jobs/keys/redis-keys.js';
import type { SentUpload } from '../../jobs/state/batch-state.js';
import { indexesOf, type PollData, type PollResult } from '../../jobs/state/poll-state.js';
import { type Flags, flagKeys, toFlags } from '../runtime/signals.js';
import {
  addPollJob,
  ownerValue,
  refuseForeignUpload,
  refuseIfPruned,
  refusePolled,
  refusePruned,
} from './add-poll-job.js';
import { type BatchContext, isDoomed, uploadsThatAre } from './batch-context.js';
import { stepUpload } from './transitions.js';

export interface CollectedPolls {
  /** How many are pending. */
  pending: number;
  /** Whether a worker is polling one of them that is to be removed: it can be only later. */
  mustWait: boolean;
  /** What the outside wants, where polls of earlier entries were asked for; null where there are none. */
  flags: Flags | null;
}

/** A poll job is pending, or its result was taken over, or there is none any more; or it is to be removed and under way. */
type Collected = 'pending' | 'taken' | 'under-way';

/** What is read in one command beside the poll jobs of earlier entries. */
interface Asked {
  flags: Flags;
  /** Indexes of uploads whose Atlas batch was another's. */
  foreign: ReadonlySet<number>;
}

/**
 * Finds the poll job of every upload that was sent, and takes over the results that are there. A poll
 * job that was removed by hand is added again. One that ended in an earlier run polls once more. Nothing is taken
 * of an Atlas batch that was another's, whenever that is found out: who added its poll job may have died before.
 */
export async function collectPolls(entry: BatchContext): Promise<CollectedPolls> {
  const sent = uploadsThatAre(entry.state, 'sent');
  const earlier = sent.filter(({ index }) => !entry.addedPolls.has(index));
  if (earlier.length === 0) return { pending: sent.length, mustWait: false, flags: null };
  const asking = ask(entry, earlier);
  const collecting = earlier.map(({ index, upload }) => collect(entry, index, upload, asking));
  const [{ flags }, ...collected] = await Promise.all([asking, ...collecting]);
  const notTaken = collected.filter((one) => one !== 'taken').length;
  const count = sent.length - earlier.length + notTaken;
  const changed = sent.some(({ index }) => entry.state.uploads[index]?.state !== 'sent');
  // When none is left, what comes next saves; a crash before that collects the same again.
  if (count > 0 && changed) await entry.lease.save(entry.state);
  return { pending: count, mustWait: collected.includes('under-way'), flags };
}

/**
 * As {@link collectPolls}, for a batch that sleeps in line next, perhaps for hours: each of its uploads that Atlas has is
 * polled meanwhile, though who sent it died before it added the poll job, and none holds room that is another's.
 */
export async function collectBeforeSleep(entry: BatchContext): Promise<CollectedPolls> {
  const areRefused = await refusePruned(entry);
  const collected = await collectPolls(entry);
  if (isDoomed(entry)) await entry.lease.save(entry.state);
  return { ...collected, mustWait: collected.mustWait || !areRefused };
}

async function ask(
  entry: BatchContext,
  uploads: readonly { index: number; upload: SentUpload }[],
): Promise<Asked> {
  const { context, request, job } = entry;
  const { redis, config } = context;
  const flags = flagKeys(context, request.reference);
  const owners = uploads.map(({ upload }) => ownerKey(config.QUEUE_PREFIX, upload.atlasBatchId));
  const values = await redis.mget([...flags, ...owners]);
  const ours = ownerValue(entry);
  const foreign = uploads.filter((_, i) => (values[flags.length + i] ?? ours) !== ours);
  return {
    flags: toFlags(values, job.timestamp),
    foreign: new Set(foreign.map(({ index }) => index)),
  };
}

async function collect(
  entry: BatchContext,
  index: number,
  upload: SentUpload,
  asking: Promise<Asked>,
): Promise<Collected> {
  const { context, lease } = entry;
  const { atlasBatchId, expectedPollRuns } = upload;
  const polling: Promise<Job<PollData, PollResult> | undefined> = context.pollJobs.getJob(
    pollJobId(atlasBatchId),
  );
  const [poll, { foreign }] = await Promise.all([polling, asking]);
  if (!poll) {
    entry.state = stepUpload(entry.state, index, { kind: 'poll-removed' });
    await lease.save(entry.state);
    await addPollJob(entry, index, upload);
    const isAdded = entry.state.uploads[index]?.state === 'sent';
    if (isAdded && !(await refuseIfPruned(entry, index, upload))) return 'under-way';
    return entry.state.uploads[index]?.state === 'sent' ? 'pending' : 'taken';
  }
  if (poll.parent?.id !== lease.jobId || poll.data.batchTimestamp !== entry.job.timestamp) {
    refuseForeignUpload(entry, index);
    return 'taken';
  }
  if (foreign.has(index)) {
    return (await refusePolled(entry, index, atlasBatchId)) ? 'taken' : 'under-way';
  }
  if (poll.finishedOn === undefined) return 'pending';
  if (poll.attemptsMade < expectedPollRuns) {
    await runAgain(poll);
    return 'pending';
  }
  const result = poll.failedReason ? resultOfFailedJob(poll) : poll.returnvalue;
  const missing = missingOf(upload, poll.data, result);
  entry.state = stepUpload(entry.state, index, {
    kind: 'poll-ended',
    result: { ...result, missing },
  });
  return 'taken';
}

async function runAgain(poll: Job<PollData, PollResult>): Promise<void> {
  try {
    await poll.retry(poll.failedReason ? 'failed' : 'completed');
  } catch (error) {
    // Another upload of the same Atlas batch has done it.
    if (!hasCode(error, ErrorCode.JobNotInState)) throw error;
  }
}

/** Two uploads may share an Atlas batch. Documents that the poll job did not ask for are missing. */
function missingOf(upload: SentUpload, asked: PollData, result: PollResult): string {
  if (indexesOf(asked) === upload.documentIndexes) return result.missing;
  const missing = new Set(fromRanges(result.missing));
  const known = new Set(fromRanges(indexesOf(asked)));
  return toRanges(
    fromRanges(upload.documentIndexes).filter((index) => missing.has(index) || !known.has(index)),
  );
}

/** Poll jobs end in results. One that failed was ended by hand or by a bug. */
function resultOfFailedJob(poll: Job<PollData, PollResult>): PollResult {
  return {
    status: 'rejected',
    missing: indexesOf(poll.data),
    present: 0,
    unexpected: 0,
    unreadable: 0,
    polls: 0,
    stored: false,
    // BullMQ knows it by the clock of a host.
    endedAt: 0,
    reason: { code: 'INTERNAL', message: `the poll job of ${poll.data.atlasBatchId} failed` },
  };
}
