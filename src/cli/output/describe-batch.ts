/** Describes a batch in text. Pure. */
import type { BatchStatus } from '../../batches/status.js';
import { describeReason } from '../../errors.js';
import type { BatchSummary } from '../../jobs/summary.js';
import { plural } from '../../plural.js';

/** The progress of a batch in one line, without its reference. */
export function describeProgress(status: BatchStatus): string {
  const { present, total } = status.documents;
  const parts = [`${status.state}, ${present} of ${total} documents`];
  if (status.uploads.length > 1) parts.push(plural(status.uploads.length, 'upload'));
  const round = status.uploads.at(-1)?.round ?? 1;
  if (round > 1 && !status.summary) parts.push(`round ${round}`);
  if (status.polls > 0) parts.push(plural(status.polls, 'poll'));
  if (status.lastError) parts.push(describeReason(status.lastError));
  if (status.summary?.reason) parts.push(describeReason(status.summary.reason));
  return parts.join(', ');
}

/** The whole status of a batch, one fact per line. */
export function describeStatus(status: BatchStatus, now: number): string[] {
  const { present, total } = status.documents;
  const lines = [
    `${status.reference}  ${status.state}${status.productType ? `  ${status.productType}` : ''}`,
    `  documents  ${present} of ${total} present`,
    `  polls      ${status.polls}${status.nextPollAt ? `, next in ${secondsUntil(status.nextPollAt, now)}` : ''}`,
  ];
  if (status.lastError) lines.push(`  error      ${describeReason(status.lastError)}`);
  for (const upload of status.uploads) {
    const name = upload.atlasBatchId ?? 'not sent yet';
    const found = `${upload.documents.present} of ${upload.documents.total}`;
    const ending = upload.result ?? upload.state;
    const reason = upload.reason ? `  ${describeReason(upload.reason)}` : '';
    lines.push(`  upload     ${name}  round ${upload.round}  ${found}  ${ending}${reason}`);
  }
  return status.summary ? [...lines, ...describeEnd(status.summary)] : lines;
}

/** How a batch ended. */
export function describeEnd(summary: BatchSummary): string[] {
  const lines: string[] = [];
  if (summary.reason) lines.push(`  reason     ${describeReason(summary.reason)}`);
  if (summary.submittedAt) lines.push(`  submitted  ${summary.submittedAt}`);
  lines.push(`  ended      ${summary.completedAt}`);
  return [...lines, ...summary.results.map((uri) => `  results    ${uri}`)];
}

export function secondsUntil(isoTime: string, now: number): string {
  return seconds(Math.max(0, Date.parse(isoTime) - now));
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
