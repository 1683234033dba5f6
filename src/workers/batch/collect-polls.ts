/** Joins the results of the poll jobs into the state of their batch. */
import type { Job } from 'bullmq';
import type { Upload } from '../../jobs/batch-state.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import type { PollData, PollResult } from '../../jobs/poll-state.js';
import { addPoll, ownerOf, refuseUploadOfAnotherBatch } from './add-poll-job.js';
import { type BatchContext, deadlineOf } from './batch-context.js';

/**
 * Finds the poll job of every upload that was sent, takes over the results that are there,
 * and sees to it that the others are pending: a job that was removed by hand is added again, one
 * that ended in an earlier run polls once more.
 * @returns how many are still pending.
 */
export async function collectPolls(run: BatchContext): Promise<number> {
  const sent = run.state.uploads.filter(({ state }) => state === 'sent');
  const pending = await Promise.all(sent.map((upload) => collect(run, upload)));
  const count = pending.filter(Boolean).length;
  const changed = sent.some(({ state }) => state !== 'sent');
  // When none is left, what comes next saves; a crash before that collects the same again.
  if (count > 0 && changed) await run.lease.save(run.state);
  return count;
}

async function collect(run: BatchContext, upload: Upload): Promise<boolean> {
  const { context, lease, state } = run;
  if (run.addedPolls.has(upload)) return true;
  const { atlasBatchId = '', expectedPollRuns = 1 } = upload;
  const poll: Job<PollData, PollResult> | undefined = await context.pollJobs.getJob(
    pollJobId(atlasBatchId),
  );
  if (!poll) {
    upload.expectedPollRuns = 1;
    await lease.save(state);
    await addPoll(run, upload, deadlineOf(run), await ownerOf(context, atlasBatchId));
    return upload.state === 'sent';
  }
  if (poll.parent?.id !== lease.jobId || poll.data.batchTimestamp !== run.job.timestamp) {
    refuseUploadOfAnotherBatch(run, upload);
    return false;
  }
  if (poll.finishedOn === undefined) return true;
  if (poll.attemptsMade < expectedPollRuns) {
    await poll.retry(poll.failedReason ? 'failed' : 'completed');
    return true;
  }
  takeOver(upload, poll);
  return false;
}

function takeOver(upload: Upload, poll: Job<PollData, PollResult>): void {
  upload.state = 'ended';
  const result = poll.failedReason ? brokenPoll(poll) : poll.returnvalue;
  const learntNothing = result.status === 'rejected' || result.status === 'cancelled';
  if (learntNothing && upload.result) {
    upload.result.polls = result.polls;
    return;
  }
  upload.result = { ...result, missing: missingOf(upload, poll.data, result) };
}

/** Two uploads may share an Atlas batch; what was not asked of the poll job is missing. */
function missingOf(upload: Upload, asked: PollData, result: PollResult): string {
  if (asked.documentIndexes === upload.documentIndexes) return result.missing;
  const missing = new Set(fromRanges(result.missing));
  const known = new Set(fromRanges(asked.documentIndexes));
  return toRanges(
    fromRanges(upload.documentIndexes).filter((index) => missing.has(index) || !known.has(index)),
  );
}

/** Poll jobs end in results; one that failed was ended by hand or by a bug. */
function brokenPoll(poll: Job<PollData, PollResult>): PollResult {
  return {
    status: 'rejected',
    missing: poll.data.documentIndexes,
    present: 0,
    unexpected: 0,
    polls: 0,
    stored: false,
    reason: { code: 'INTERNAL', message: `the poll job of ${poll.data.atlasBatchId} failed` },
  };
}
