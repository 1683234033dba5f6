/** The end of a poll job: its result is saved, told and counted. */
import { keepPollSeconds } from '../../config/config.js';
import { describeReason } from '../../errors.js';
import type { PollResult } from '../../jobs/state/poll-state.js';
import { countText, plural } from '../../plural.js';
import type { StepResult } from '../runtime/run-step.js';
import type { PollEntry } from './poll-entry.js';

export function endPoll(entry: PollEntry, result: PollResult): StepResult<PollResult> {
  const { context, data, state } = entry;
  const { status, present, polls, unexpected, unreadable, reason } = result;
  const { reference, atlasBatchId, gateMember } = data;
  const { total } = state;
  const why = reason ? ` (${describeReason(reason)})` : '';
  return {
    kind: 'save-and-finish',
    value: result,
    // Not with the job's other options, which each sleeping job has in Redis.
    keepSeconds: keepPollSeconds(context.config),
    line: `${status} after ${plural(polls, 'poll')}: ${countText(present)} of ${countText(total)} present${why}`,
    also: [
      ...(gateMember === undefined ? [] : [context.gate.release(gateMember)]),
      ...(entry.stored ? [entry.stored] : []),
    ],
    afterwards() {
      context.lastReadings.forget(data);
      context.metrics.pollJobs.inc({ status });
      context.metrics.pollsPerUpload.observe(polls);
      context.metrics.unreadableExtracts.inc(unreadable);
      context.lines.add({
        level: 'info',
        kind: `Atlas batch ${status}`,
        fields: { reference, atlasBatchId, status, present, total, polls, unexpected, unreadable },
        message: `Atlas batch ${atlasBatchId} is ${status}`,
      });
    },
  };
}
