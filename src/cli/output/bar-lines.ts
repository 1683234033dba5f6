/** Progress of batches as bars for a terminal. Pure, except that it asks whether to use colours. */
import type { BatchStatus } from '../../batches/status/status.js';
import { type ListedState, listedState } from '../../jobs/state/listed-facts.js';
import { countText, plural } from '../../plural.js';
import { secondsUntil } from './describe-batch.js';
import { cutEnd, cutMiddle, formatTable, widthOf } from './table.js';
import { paint } from './terminal.js';

/** One row for the count and one for the cursor: no more lines than rows can be redrawn. */
const ROWS_KEPT = 2;

/** All batches when they fit. Else first those that run, then those that ended last. */
function choose(statuses: readonly BatchStatus[], count: number): readonly BatchStatus[] {
  if (statuses.length <= count) return statuses;
  const running = statuses.filter(({ summary }) => !summary);
  const ended = statuses.filter(({ summary }) => summary);
  return [...running, ...ended.reverse()].slice(0, Math.max(1, count));
}

const MIN_BAR_WIDTH = 8;
const MAX_BAR_WIDTH = 24;
/** Space that is kept for a hint and the gap before it, so that bars do not change their width. */
const HINT_WIDTH = 28;
/** Between a hint and what stands before it. */
const GAP_WIDTH = 2;
/** A longer reference is cut in its middle. */
const MAX_REFERENCE_WIDTH = 24;
const COLOURS = {
  queued: 'gray',
  submitting: 'blue',
  'in-line': 'yellow',
  processing: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'gray',
} as const satisfies Record<ListedState, string>;
const LONGEST_STATE = Math.max(...Object.keys(COLOURS).map((state) => state.length));

export interface Screen {
  columns: number;
  rows: number;
  /** Milliseconds since 1970. */
  now: number;
}

/** One line per batch. With more batches than rows a last line says how many have ended. */
export function barLines(statuses: readonly BatchStatus[], screen: Screen): string[] {
  const shown = choose(statuses, screen.rows - ROWS_KEPT);
  const lines = drawBars(shown, screen);
  const ended = statuses.filter(({ summary }) => summary).length;
  return shown.length < statuses.length
    ? [...lines, `${countText(ended)} of ${countText(statuses.length)} have ended`]
    : lines;
}

/** Bars get the columns that the texts leave, since lines must not wrap. */
function drawBars(statuses: readonly BatchStatus[], { columns, now }: Screen): string[] {
  const words = statuses.map((status) => {
    const { present, total } = status.documents;
    const state = paint(COLOURS[listedState(status)], listedState(status).padEnd(LONGEST_STATE));
    const count = `${countText(present)}/${countText(total)}`;
    return [cutMiddle(status.reference, MAX_REFERENCE_WIDTH), '', count, state];
  });
  const withoutBar = Math.max(0, ...formatTable(words, [2]).map(widthOf));
  const left = columns - withoutBar - HINT_WIDTH;
  const barWidth = Math.min(MAX_BAR_WIDTH, Math.max(MIN_BAR_WIDTH, left));
  const hintWidth = Math.max(0, columns - withoutBar - barWidth - GAP_WIDTH);
  const rows = statuses.map((status, i) => {
    const [reference = '', , ...rest] = words[i] ?? [];
    return [
      reference,
      bar(status, barWidth),
      ...rest,
      paint('gray', cutEnd(hint(status, now), hintWidth)),
    ];
  });
  return formatTable(rows, [2]);
}

function bar(status: BatchStatus, width: number): string {
  const { present, total } = status.documents;
  const full = total === 0 ? 0 : Math.floor((present / total) * width);
  return (
    paint(COLOURS[listedState(status)], '█'.repeat(full)) + paint('gray', '░'.repeat(width - full))
  );
}

/** The text beside a bar: how it ended, or what comes next. */
function hint(status: BatchStatus, now: number): string {
  const { summary, line, lastError, polls, nextPollAt, uploads } = status;
  if (summary?.reason) return summary.reason.code;
  if (summary) return plural(summary.polls, 'poll');
  if (line) return `place ${countText(line.place)} of ${countText(line.uploads)}`;
  if (lastError) return `error: ${lastError.code}`;
  const round = uploads.at(-1)?.round ?? 1;
  const next = nextPollAt ? `poll ${countText(polls + 1)} in ${secondsUntil(nextPollAt, now)}` : '';
  return [round > 1 ? `round ${countText(round)}` : '', next].filter(Boolean).join(', ');
}
