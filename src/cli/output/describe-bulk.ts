/** What commands say of a bulk action: what it will cost, and how far it has come. */
import type { BulkPreview } from '../../batches/bulk/preview.js';
import type { BulkProgress } from '../../batches/bulk/run-bulk.js';
import type { BulkAction } from '../../batches/bulk/selection.js';
import { countText, plural } from '../../plural.js';
import { isTerminal, print } from './terminal.js';

export const PARTICIPLES: Record<BulkAction, string> = {
  retry: 'retried',
  cancel: 'cancelled',
  redeliver: 'redelivered',
};

/** `300 batches: 412 Atlas batches are read, at most 1,980 documents sent` */
export function describePreview(preview: BulkPreview): string {
  const { action, batches, leftOut, isWhole } = preview;
  const none = isWhole
    ? 'no batch fits'
    : 'no batch was found that fits, but not all were searched';
  const left = countText(leftOut);
  if (action === 'redeliver' && leftOut > 0) {
    const alone = `${left} left out: no longer kept, or not ended`;
    return batches === 0 ? `${none}; ${alone}` : `${costOf(preview)}; ${alone}`;
  }
  if (batches === 0) return none;
  return leftOut > 0 ? `${costOf(preview)}; ${left} left out` : costOf(preview);
}

function costOf({ action, batches, atlasBatches, documents, isWhole }: BulkPreview): string {
  const count = plural(batches, 'batch', 'batches');
  const atlas = plural(atlasBatches, 'Atlas batch', 'Atlas batches');
  const be = atlasBatches === 1 ? 'is' : 'are';
  const costs: Record<BulkAction, string> = {
    retry: `${atlas} ${be} read, at most ${plural(documents, 'document')} sent`,
    cancel: `${atlas} ${be} polled no more`,
    redeliver: `${batches === 1 ? 'its event' : 'an event of each'} is sent to the webhook again`,
  };
  return `${isWhole ? '' : 'at least '}${count}: ${costs[action]}`;
}

export interface BulkView {
  show(progress: BulkProgress): void;
  /** May be called twice. */
  done(): void;
}

const TENTHS = 10;

/** On a terminal one line that is written again; when piped, a line each time that another tenth is done. */
export function createBulkView(
  action: BulkAction,
  total: number,
  { quiet, json }: { quiet?: true; json?: true },
): BulkView {
  if (quiet || json) return { show: () => {}, done: () => {} };
  const rewrites = isTerminal();
  let tenths = 0;
  let isOpen = false;
  return {
    show({ done }) {
      const line = `${countText(done)} of ${plural(total, 'batch', 'batches')} ${PARTICIPLES[action]}`;
      if (rewrites) {
        process.stdout.write(`\r${line}`);
        isOpen = true;
        return;
      }
      const reached = Math.floor((done / total) * TENTHS);
      if (reached > tenths && reached < TENTHS) print(line);
      tenths = Math.max(tenths, reached);
    },
    done() {
      if (isOpen) process.stdout.write('\r');
      isOpen = false;
    },
  };
}
