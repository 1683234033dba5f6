/** Describes a batch in text. Pure. */
import type { BatchDeadline } from '../../batches/status/deadline.js';
import type { LinePlace } from '../../batches/status/line-place.js';
import { describeRequestedCancel } from '../../batches/status/requested-cancel.js';
import type { BatchStatus } from '../../batches/status/status.js';
import type { Timeline } from '../../batches/status/timeline.js';
import type { UploadStatus } from '../../batches/status/upload-status.js';
import { duration, seconds } from '../../duration.js';
import { describeReason } from '../../errors.js';
import { describeHold, TURN_HAS_COME } from '../../gate/line.js';
import type { Pause } from '../../gate/pause-record.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import { listedState } from '../../jobs/state/listed-facts.js';
import type { BatchSummary } from '../../jobs/summary.js';
import { countText, plural } from '../../plural.js';
import { firstOf } from './first-of.js';

/** The progress of a batch in one line, without its reference. */
export function describeProgress(status: BatchStatus): string {
  const { present, total } = status.documents;
  const parts = [`${listedState(status)}, ${countText(present)} of ${countText(total)} documents`];
  if (status.uploads.length > 1) parts.push(plural(status.uploads.length, 'upload'));
  const round = status.uploads.at(-1)?.round ?? 1;
  if (status.cancelRequested) parts.push('cancel requested');
  if (round > 1 && !status.summary) parts.push(`round ${countText(round)}`);
  if (status.polls > 0) parts.push(plural(status.polls, 'poll'));
  if (status.line) parts.push(describePlace(status.line));
  else if (status.lastError) parts.push(describeReason(status.lastError));
  if (status.summary?.reason) parts.push(describeReason(status.summary.reason));
  return parts.join(', ');
}

/** As many uploads, and as many places of results, are shown of a batch that has more. */
const UPLOADS_SHOWN = 10;

interface StatusDetails {
  /** Shows every upload. */
  all?: boolean | undefined;
  /** What the line waits for; null when it does not. */
  pause?: Pause | null;
}

/** The status of a batch, one fact per line. */
export function describeStatus(
  status: BatchStatus,
  now: number,
  { all = false, pause = null }: StatusDetails = {},
): string[] {
  const { present, sent, total } = status.documents;
  const lines = [
    `${status.reference}  ${listedState(status)}${status.productType ? `  ${status.productType}` : ''}`,
    ...describeWhose(status),
    `  documents  ${countText(present)} of ${countText(total)} present, ${countText(sent)} sent`,
    `  polls      ${countText(status.polls)}${status.nextPollAt ? `, next in ${secondsUntil(status.nextPollAt, now)}` : ''}`,
  ];
  if (status.cancelRequested) {
    const who = escapeControls(describeRequestedCancel(status.cancelRequested));
    lines.push(`  cancel     requested ${who}`, '             it happens when a worker takes it');
  }
  if (status.line) {
    lines.push(`  in line    ${describePlace(status.line)}`);
    if (status.line.why === 'pause' && pause) lines.push(...describePause(pause));
  } else if (status.state === 'in-line') lines.push(`  in line    ${TURN_HAS_COME}`);
  else if (status.lastError) lines.push(`  error      ${describeReason(status.lastError)}`);
  if (status.deadline) lines.push(...describeDeadline(status.deadline, now));
  const shown = all ? Number.POSITIVE_INFINITY : UPLOADS_SHOWN;
  // Those that are not complete say most.
  const uploads = [...status.uploads].sort((a, b) => Number(isComplete(a)) - Number(isComplete(b)));
  lines.push(
    ...firstOf(uploads, shown, describeUpload, (left) => [
      `             … ${plural(left, 'more upload')}; ${FOR_ALL}`,
    ]),
  );
  if (status.summary) return [...lines, ...describeEnd(status.summary, all)];
  if (status.submittedAt === null) return lines;
  const elapsed = duration(now - Date.parse(status.submittedAt));
  return [...lines, `  submitted  ${status.submittedAt}, ${elapsed} ago`];
}

/** `urgent, tenant branch-12`; nothing of a batch whose job is no longer kept. */
function describeWhose({ priority, tenant }: BatchStatus): string[] {
  if (priority === null) return [];
  return [`  priority   ${priority}${tenant === null ? '' : `, tenant ${tenant}`}`];
}

/** `place 12 of 340: sending is paused, until 2026-11-24T05:00:00.000Z` */
function describePlace({ place, uploads, until, ...hold }: LinePlace): string {
  return `place ${countText(place)} of ${countText(uploads)}: ${describeHold({ until, ...hold })}${until === null ? '' : `, until ${until}`}`;
}

/** `2026-11-24T05:00:00.000Z, in 43 min 10 s, extended by 2 h 0 min`; nothing where there is nothing to tell. */
function describeDeadline(deadline: BatchDeadline, now: number): string[] {
  const { at, leftMs, extendedMs, stoodMs } = deadline;
  const parts: string[] = [];
  if (at !== null) parts.push(at, `in ${duration(Date.parse(at) - now)}`);
  if (leftMs !== null) parts.push('stands still', `${duration(leftMs)} left`);
  if (extendedMs > 0) parts.push(`extended by ${duration(extendedMs)}`);
  if (stoodMs > 0) parts.push(`stood still for ${duration(stoodMs)}`);
  return parts.length === 0 ? [] : [`  deadline   ${parts.join(', ')}`];
}

/** Who has paused the sending, and why, as far as they have said it. */
function describePause({ by, reason }: Pause): string[] {
  const told = [by && `by ${by}`, reason].filter(Boolean).join(': ');
  return told === '' ? [] : [`  paused     ${escapeControls(told)}`];
}

const FOR_ALL = 'status --all shows them';

function describeUpload(upload: UploadStatus): string[] {
  const name = upload.atlasBatchId ?? 'not sent yet';
  const found = `${countText(upload.documents.present)} of ${countText(upload.documents.total)}`;
  const ending = upload.result ?? upload.state;
  const reason = upload.reason ? `  ${describeReason(upload.reason)}` : '';
  return [`  upload     ${name}  round ${countText(upload.round)}  ${found}  ${ending}${reason}`];
}

function isComplete({ result }: UploadStatus): boolean {
  return result === 'complete';
}

/** How a batch ended, and how long it took. @param all Shows every place of its results. */
export function describeEnd(summary: BatchSummary, all = false): string[] {
  const { reason, submittedAt, completedAt, results } = summary;
  const lines: string[] = [];
  if (reason) lines.push(`  reason     ${describeReason(reason)}`);
  if (submittedAt) lines.push(`  submitted  ${submittedAt}`);
  const took = submittedAt
    ? `, ${duration(Date.parse(completedAt) - Date.parse(submittedAt))} after it was submitted`
    : '';
  lines.push(`  ended      ${completedAt}${took}`);
  const shown = all ? Number.POSITIVE_INFINITY : UPLOADS_SHOWN;
  const places = firstOf(
    results,
    shown,
    (uri) => [`  results    ${uri}`],
    (left) => [`             … ${plural(left, 'more result')}; ${FOR_ALL}`],
  );
  return [...lines, ...places];
}

/** What happened to a batch, the latest first. */
export function describeTimeline({ entries, uploadsLeftOut }: Timeline): string[] {
  const lines = entries.map(({ at, text, atlasBatchId }) => {
    const whose = atlasBatchId === null ? '' : `  (${atlasBatchId})`;
    return `  ${at ?? 'no time'.padEnd(TIME_LENGTH)}  ${text}${whose}`;
  });
  if (uploadsLeftOut > 0) lines.push(`  … polls of ${plural(uploadsLeftOut, 'earlier upload')}`);
  return lines;
}

/** Of a time in ISO 8601. */
const TIME_LENGTH = 24;

export function secondsUntil(isoTime: string, now: number): string {
  return seconds(Math.max(0, Date.parse(isoTime) - now));
}
