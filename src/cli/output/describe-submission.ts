/** What became of batches that were submitted, no more than a person reads. Pure. */
import type { BatchStatus } from '../../batches/status/status.js';
import type { EnqueueResult } from '../../client/enqueue.js';
import { describeReason } from '../../errors.js';
import { type ListedState, listedState } from '../../jobs/state/listed-facts.js';
import type { BatchSummary } from '../../jobs/summary.js';
import { countText, plural } from '../../plural.js';
import { describeEnd } from './describe-batch.js';
import { firstOf } from './first-of.js';

/** As many batches get lines of their own; more are counted. */
export const BATCHES_SHOWN = 10;

/** As many issues are told; more are counted. One bad template may have made thousands. */
const ISSUES_SHOWN = 20;

/** One batch that was submitted, and where it stands when it was known before. */
export interface Submitted extends EnqueueResult {
  known?: BatchStatus | undefined;
}

/** What is wrong with batches of which none was added. */
export function describeInvalid(issues: readonly string[], showsAll: boolean): string[] {
  return [
    'The batch is not valid:',
    ...firstOf(
      issues,
      showsAll ? issues.length : ISSUES_SHOWN,
      (issue) => [`  ${issue}`],
      (left) => [`  … and ${countText(left)} more; --json shows all`],
    ),
  ];
}

/** Those that were added or are on their way. */
export function describeAdded(submitted: readonly Submitted[]): string[] {
  const fine = submitted.filter((one) => one.status !== 'conflict' && !hasFailed(one));
  if (fine.length <= BATCHES_SHOWN) {
    return fine.map(({ reference, status, known }) =>
      status === 'added'
        ? `${reference}: added`
        : `${reference}: known already${known ? `, ${known.state}` : ''}`,
    );
  }
  const added = fine.filter(({ status }) => status === 'added').length;
  const lines = added > 0 ? [`${plural(added, 'batch', 'batches')} added`] : [];
  return added < fine.length
    ? [...lines, `${countText(fine.length - added)} known already`]
    : lines;
}

/** Those that nothing was done about, and what to do. */
export function describeRefused(submitted: readonly Submitted[]): string[] {
  const more = (left: number) => [`… and ${countText(left)} more; --json shows all`];
  const conflicts = submitted.filter(({ status }) => status === 'conflict');
  const failed = submitted.filter(hasFailed);
  const lines = [
    ...firstOf(
      conflicts,
      BATCHES_SHOWN,
      ({ reference }) => [`another batch has the reference ${reference}; nothing was added`],
      more,
    ),
    ...firstOf(failed, BATCHES_SHOWN, describeFailed, more),
  ];
  const [first] = failed;
  if (first === undefined) return lines;
  return [
    ...lines,
    `Such a batch is not sent again: retry it by atlas-batch retry ${first.reference}, or on its page of the dashboard, or submit it under another reference.`,
  ];
}

function describeFailed({ reference, known }: Submitted): string[] {
  const reason = known?.summary?.reason;
  const ended = known && listedState(known) === 'cancelled' ? 'was cancelled' : 'has failed';
  return [`${reference} ${ended} before${reason ? `, ${describeReason(reason)}` : ''}`];
}

/** Known before, and ended without success: adding it again does nothing. */
export function hasFailed({ known }: Submitted): boolean {
  return known?.state === 'failed';
}

/** How they ended: all of it for one or some, and for many those that failed and a count. */
export function describeEnds(summaries: readonly BatchSummary[]): string[] {
  const describe = (summary: BatchSummary) => [
    `${summary.reference}: ${endOf(summary)}`,
    ...describeEnd(summary),
  ];
  if (summaries.length === 1) return summaries.flatMap(describe);
  const count = (end: ListedState) => summaries.filter((one) => endOf(one) === end).length;
  const text = (end: ListedState) => `${countText(count(end))} ${end}`;
  const counts = [text('completed'), text('failed')];
  if (count('cancelled') > 0) counts.push(text('cancelled'));
  return [
    ...describeFailures(summaries),
    `${plural(summaries.length, 'batch', 'batches')}: ${counts.join(', ')}`,
  ];
}

function endOf(summary: BatchSummary): ListedState {
  return listedState({ state: summary.status, summary });
}

/** Those that failed, or that somebody cancelled, and why. */
export function describeFailures(summaries: readonly BatchSummary[]): string[] {
  return firstOf(
    summaries.filter(({ status }) => status === 'failed'),
    BATCHES_SHOWN,
    (summary) => {
      const { reference, reason } = summary;
      return [`${reference}: ${endOf(summary)}${reason ? `, ${describeReason(reason)}` : ''}`];
    },
    (left) => [`… and ${countText(left)} more; --json shows all`],
  );
}
