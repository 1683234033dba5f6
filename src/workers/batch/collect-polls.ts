/** Joins the outcomes of the poll jobs into the state of their batch. */
import type { Job } from 'bullmq';
import type { Upload } from '../../jobs/batch-state.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import type { PollData, PollOutcome } from '../../jobs/poll-state.js';
import { addPoll, ownerOf, refuseForeign } from './add-poll-job.js';
import { type BatchRun, deadlineOf } from './batch-context.js';

/**
 * Looks up the poll job of every upload that was sent, takes over the outcomes that are there,
 * and sees to it that the others are pending: a job that was removed by hand is added again, one
 * that ended in an earlier run looks once more.
 * @returns how many are still pending.
 */
export async function collectPolls(run: BatchRun): Promise<number> {
  const sent = run.state.uploads.filter(({ state }) => state === 'sent');
  const pending = await Promise.all(sent.map((upload) => collect(run, upload)));
  const count = pending.filter(Boolean).length;
  const changed = sent.some(({ state }) => state !== 'sent');
  // When none is left, what comes next saves; a crash before that collects the same again.
  if (count > 0 && changed) await run.lease.save(run.state);
  return count;
}

async function collect(run: BatchRun, upload: Upload): Promise<boolean> {
  const { context, lease, state } = run;
  if (run.addedPolls.has(upload)) return true;
  const { batchId = '', pollRuns = 1 } = upload;
  const poll: Job<PollData, PollOutcome> | undefined = await context.polls.getJob(
    pollJobId(batchId),
  );
  if (!poll) {
    upload.pollRuns = 1;
    await lease.save(state);
    await addPoll(run, upload, deadlineOf(run), await ownerOf(context, batchId));
    return upload.state === 'sent';
  }
  if (poll.parent?.id !== lease.jobId || poll.data.batchTimestamp !== run.job.timestamp) {
    refuseForeign(run, upload);
    return false;
  }
  if (poll.finishedOn === undefined) return true;
  if (poll.attemptsMade < pollRuns) {
    await poll.retry(poll.failedReason ? 'failed' : 'completed');
    return true;
  }
  takeOver(upload, poll);
  return false;
}

function takeOver(upload: Upload, poll: Job<PollData, PollOutcome>): void {
  upload.state = 'ended';
  const outcome = poll.failedReason ? brokenPoll(poll) : poll.returnvalue;
  const learntNothing = outcome.outcome === 'rejected' || outcome.outcome === 'cancelled';
  if (learntNothing && upload.outcome) {
    upload.outcome.looks = outcome.looks;
    return;
  }
  upload.outcome = { ...outcome, missing: missingOf(upload, poll.data, outcome) };
}

/** Two uploads may share an Atlas batch; what was not asked of the poll job is missing. */
function missingOf(upload: Upload, asked: PollData, outcome: PollOutcome): string {
  if (asked.documents === upload.documents) return outcome.missing;
  const missing = new Set(fromRanges(outcome.missing));
  const known = new Set(fromRanges(asked.documents));
  return toRanges(
    fromRanges(upload.documents).filter((index) => missing.has(index) || !known.has(index)),
  );
}

/** Poll jobs end in outcomes; one that failed was ended by hand or by a bug. */
function brokenPoll(poll: Job<PollData, PollOutcome>): PollOutcome {
  return {
    outcome: 'rejected',
    missing: poll.data.documents,
    present: 0,
    unexpected: 0,
    looks: 0,
    stored: false,
    reason: { code: 'INTERNAL', message: `the poll job of ${poll.data.batchId} failed` },
  };
}
