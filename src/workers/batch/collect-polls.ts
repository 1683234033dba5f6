/** Takes the results of the poll jobs over into the state of their batch. */
import type { Job } from 'bullmq';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import type { SentUpload } from '../../jobs/state/batch-state.js';
import { indexesOf, type PollData, type PollResult } from '../../jobs/state/poll-state.js';
import { addPollJob, refuseForeignUpload, refuseIfPruned } from './add-poll-job.js';
import { type BatchContext, uploadsThatAre } from './batch-context.js';
import { stepUpload } from './transitions.js';

/**
 * Finds the poll job of every upload that was sent, and takes over the results that are there. A poll
 * job that was removed by hand is added again. One that ended in an earlier run polls once more.
 * @returns how many are pending.
 */
export async function collectPolls(entry: BatchContext): Promise<number> {
  const sent = uploadsThatAre(entry.state, 'sent');
  const pending = await Promise.all(sent.map(({ index, upload }) => collect(entry, index, upload)));
  const count = pending.filter(Boolean).length;
  const changed = sent.some(({ index }) => entry.state.uploads[index]?.state !== 'sent');
  // When none is left, what comes next saves; a crash before that collects the same again.
  if (count > 0 && changed) await entry.lease.save(entry.state);
  return count;
}

async function collect(entry: BatchContext, index: number, upload: SentUpload): Promise<boolean> {
  const { context, lease } = entry;
  if (entry.addedPolls.has(index)) return true;
  const { atlasBatchId, expectedPollRuns } = upload;
  const poll: Job<PollData, PollResult> | undefined = await context.pollJobs.getJob(
    pollJobId(atlasBatchId),
  );
  if (!poll) {
    entry.state = stepUpload(entry.state, index, { kind: 'poll-removed' });
    await lease.save(entry.state);
    await addPollJob(entry, index, upload);
    await refuseIfPruned(entry, index, atlasBatchId);
    return entry.state.uploads[index]?.state === 'sent';
  }
  if (poll.parent?.id !== lease.jobId || poll.data.batchTimestamp !== entry.job.timestamp) {
    refuseForeignUpload(entry, index);
    return false;
  }
  // Whoever added it may have died before it asked whose the Atlas batch was.
  if (poll.finishedOn === undefined) return !(await refuseIfPruned(entry, index, atlasBatchId));
  if (poll.attemptsMade < expectedPollRuns) {
    await poll.retry(poll.failedReason ? 'failed' : 'completed');
    return true;
  }
  const result = poll.failedReason ? resultOfFailedJob(poll) : poll.returnvalue;
  const missing = missingOf(upload, poll.data, result);
  entry.state = stepUpload(entry.state, index, {
    kind: 'poll-ended',
    result: { ...result, missing },
  });
  return false;
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
