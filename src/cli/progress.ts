/** Progress of batches: bars that move on a terminal, a line for each change when piped. */
import { createLogUpdate } from 'log-update';
import type { BatchStatus } from '../client/batch-status.js';
import { describeProgress, plural, secondsUntil } from './describe-batch.js';
import { formatTable } from './table.js';
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

function createLines(): ProgressView {
  const shown = new Map<string, string>();
  return {
    show(statuses) {
      for (const status of statuses) {
        const text = describeProgress(status);
        if (shown.get(status.reference) === text) continue;
        shown.set(status.reference, text);
        print(`${status.reference}: ${text}`);
      }
    },
    done() {},
  };
}

function createBars(): ProgressView {
  const update = createLogUpdate(process.stdout);
  return {
    show(statuses) {
      const rows = statuses.map((status) => barRow(status, Date.now()));
      update(formatTable(rows).join('\n'));
    },
    done() {
      update.done();
    },
  };
}

const BAR_WIDTH = 24;
const COLOURS = {
  queued: 'gray',
  submitting: 'blue',
  processing: 'cyan',
  completed: 'green',
  failed: 'red',
} as const;

function barRow(status: BatchStatus, now: number): string[] {
  const { present, total } = status.documents;
  const colour = COLOURS[status.state];
  const full = total === 0 ? 0 : Math.floor((present / total) * BAR_WIDTH);
  const bar = paint(colour, '█'.repeat(full)) + paint('gray', '░'.repeat(BAR_WIDTH - full));
  return [
    status.reference,
    bar,
    `${present}/${total}`,
    paint(colour, status.state),
    paint('gray', hint(status, now)),
  ];
}

/** What a person wants to know beside the bar: short, since the line must fit. */
function hint(status: BatchStatus, now: number): string {
  const { summary, trouble, looks, nextLookAt, uploads } = status;
  if (summary?.reason) return summary.reason.code;
  if (summary) return plural(summary.polls, 'look');
  if (trouble) return `trouble: ${trouble.code}`;
  const round = uploads.at(-1)?.round ?? 1;
  const parts = [
    ...(round > 1 ? [`round ${round}`] : []),
    ...(looks > 0 ? [plural(looks, 'look')] : []),
    ...(nextLookAt ? [`next in ${secondsUntil(nextLookAt, now)}`] : []),
  ];
  return parts.join(', ');
}
