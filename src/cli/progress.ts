/** Progress of batches: bars that move on a terminal, a line for each change when piped. */
import { createLogUpdate } from 'log-update';
import type { BatchStatus } from '../client/batch-status.js';
import { describeProgress, plural, secondsUntil } from './describe-batch.js';
import { formatTable, widthOf } from './table.js';
import { isTerminal, paint, print } from './terminal.js';

export interface ProgressView {
  /** Shows where the batches stand; call it as often as you like. */
  show(statuses: readonly BatchStatus[]): void;
  /** Leaves what was shown last, and the cursor below it. May be called twice. */
  done(): void;
}

export function createProgressView(): ProgressView {
  return isTerminal() ? createBars() : createLines();
}

/** A line when documents came or the batch went on; looks alone would drown them. */
function createLines(): ProgressView {
  const shown = new Map<string, string>();
  return {
    show(statuses) {
      for (const status of statuses) {
        const { state, documents, uploads, trouble } = status;
        const change = [state, documents.present, uploads.length, trouble?.code].join();
        if (shown.get(status.reference) === change) continue;
        shown.set(status.reference, change);
        print(`${status.reference}: ${describeProgress(status)}`);
      }
    },
    done() {},
  };
}

function createBars(): ProgressView {
  const update = createLogUpdate(process.stdout);
  return {
    show(statuses) {
      update(barLines(statuses, Date.now(), process.stdout.columns).join('\n'));
    },
    done() {
      update.done();
    },
  };
}

const MIN_BAR_WIDTH = 8;
const MAX_BAR_WIDTH = 24;
/** Room for a hint, used or not: a bar that changed its width would jump. */
const HINT_WIDTH = 26;
const COLOURS = {
  queued: 'gray',
  submitting: 'blue',
  processing: 'cyan',
  completed: 'green',
  failed: 'red',
} as const;
const LONGEST_STATE = Math.max(...Object.keys(COLOURS).map((state) => state.length));

/** A line a batch. The bars take what the words leave of the columns, since lines must not wrap. */
function barLines(statuses: readonly BatchStatus[], now: number, columns: number): string[] {
  const words = statuses.map((status) => {
    const { present, total } = status.documents;
    const state = paint(COLOURS[status.state], status.state.padEnd(LONGEST_STATE));
    return [status.reference, '', `${present}/${total}`, state];
  });
  const taken = Math.max(0, ...formatTable(words, [2]).map(widthOf)) + HINT_WIDTH;
  const barWidth = Math.min(MAX_BAR_WIDTH, Math.max(MIN_BAR_WIDTH, columns - taken));
  const rows = statuses.map((status, i) => {
    const [reference = '', , ...rest] = words[i] ?? [];
    return [reference, bar(status, barWidth), ...rest, paint('gray', hint(status, now))];
  });
  return formatTable(rows, [2]);
}

function bar(status: BatchStatus, width: number): string {
  const { present, total } = status.documents;
  const full = total === 0 ? 0 : Math.floor((present / total) * width);
  return paint(COLOURS[status.state], '█'.repeat(full)) + paint('gray', '░'.repeat(width - full));
}

/** What a person wants to know beside the bar. */
function hint(status: BatchStatus, now: number): string {
  const { summary, trouble, looks, nextLookAt, uploads } = status;
  if (summary?.reason) return summary.reason.code;
  if (summary) return plural(summary.polls, 'look');
  if (trouble) return `trouble: ${trouble.code}`;
  const round = uploads.at(-1)?.round ?? 1;
  const next = nextLookAt ? `look ${looks + 1} in ${secondsUntil(nextLookAt, now)}` : '';
  return [round > 1 ? `round ${round}` : '', next].filter(Boolean).join(', ');
}
