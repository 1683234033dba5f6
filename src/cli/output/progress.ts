/** Shows the progress of batches: bars on a terminal, one line per change when piped. */
import { createLogUpdate } from 'log-update';
import type { BatchStatus } from '../../batches/status/status.js';
import { countText, plural } from '../../plural.js';
import { barLines } from './bar-lines.js';
import { describeProgress } from './describe-batch.js';
import { BATCHES_SHOWN } from './describe-submission.js';
import { isTerminal, print } from './terminal.js';

export interface ProgressView {
  /** Shows the present state of the batches. May be called often. */
  show(statuses: readonly BatchStatus[]): void;
  /** Leaves what was shown last, and the cursor below it. May be called twice. */
  done(): void;
}

export function createProgressView(): ProgressView {
  // Some terminals report a size of 0: nothing can be drawn there.
  return isTerminal() && process.stdout.columns > 0 ? createBars() : createLines();
}

/** Batches that are counted get a line each time that another tenth of them has ended. */
const TENTHS = 10;

/** Writes a line when documents, state, uploads or error changed. A poll alone brings no line. */
function createLines(): ProgressView {
  const shown = new Map<string, string>();
  let tenths = -1;
  return {
    show(statuses) {
      if (statuses.length > BATCHES_SHOWN) {
        const ended = statuses.filter(({ summary }) => summary).length;
        const reached = Math.floor((ended / statuses.length) * TENTHS);
        if (reached > tenths) print(describeMany(statuses, ended));
        tenths = Math.max(tenths, reached);
        return;
      }
      for (const status of statuses) {
        const { state, documents, uploads, lastError } = status;
        const change = [state, documents.present, uploads.length, lastError?.code].join();
        if (shown.get(status.reference) === change) continue;
        shown.set(status.reference, change);
        print(`${status.reference}: ${describeProgress(status)}`);
      }
    },
    done() {},
  };
}

function describeMany(statuses: readonly BatchStatus[], ended: number): string {
  const sum = (pick: (status: BatchStatus) => number) =>
    statuses.reduce((total, status) => total + pick(status), 0);
  const present = sum(({ documents }) => documents.present);
  const total = sum(({ documents }) => documents.total);
  return `${countText(ended)} of ${plural(statuses.length, 'batch', 'batches')} have ended, ${countText(present)} of ${plural(total, 'document')}`;
}

function createBars(): ProgressView {
  const update = createLogUpdate(process.stdout);
  return {
    show(statuses) {
      const { columns, rows } = process.stdout;
      update(barLines(statuses, { columns, rows, now: Date.now() }).join('\n'));
    },
    done() {
      update.done();
    },
  };
}
