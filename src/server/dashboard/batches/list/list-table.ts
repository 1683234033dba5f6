/** The table of the list of batches. Pure. */
import type { BatchRow } from '../../../../batches/lists/rows.js';
import { describeHold } from '../../../../gate/line.js';
import { listedState } from '../../../../jobs/state/listed-facts.js';
import { html, type Markup } from '../../../html.js';
import { batchPath, duration, progressBar, statePill, timeAgo, timeUntil } from '../pieces.js';

/** Form that the boxes of the rows belong to. */
export const BULK_FORM = 'bulk';

export interface TableView {
  rows: readonly BatchRow[];
  now: number;
  /** Whether rows can be selected. */
  selects: boolean;
  /** Whether it shows when deadlines come. */
  byDeadline: boolean;
}

export function batchTable({ rows, now, selects, byDeadline }: TableView): Markup {
  const box =
    selects &&
    html`<th class="select"><input type="checkbox" id="select-page" aria-label="Select all on this page" hidden></th>`;
  return html`<table class="batches">
<thead><tr>${box}<th scope="col">Batch</th><th scope="col">Product</th><th scope="col">State</th><th scope="col">Documents</th><th scope="col">${byDeadline ? 'Deadline' : 'Next poll, or took'}</th><th scope="col">Added, or ended</th></tr></thead>
<tbody>
${rows.map((row) => tableRow(row, { now, selects, byDeadline }))}
</tbody>
</table>`;
}

function tableRow(row: BatchRow, { now, selects, byDeadline }: Omit<TableView, 'rows'>): Markup {
  const { status, jobId, addedAt, endedAt } = row;
  const at = timeAgo(endedAt ?? addedAt, now);
  if (!status) {
    return html`<tr>${selects && html`<td class="select"></td>`}<td class="ref"><b class="mono">${jobId}</b></td><td colspan="4" class="wide">${row.failedReason ?? 'not a batch'}</td><td class="nowrap dim end">${at}</td></tr>`;
  }
  const { reference, documents, productType } = status;
  const box =
    selects &&
    html`<td class="select"><input type="checkbox" name="ref" value="${reference}" form="${BULK_FORM}" aria-label="Select ${reference}"></td>`;
  return html`<tr>${box}
<td class="ref"><a href="${batchPath(reference)}">${reference}</a></td>
<td class="product">${productType ?? html`<span class="dim">not a valid batch</span>`}</td>
<td class="state">${statePill(status)} ${why(row)}</td>
<td class="wide">${progressBar(documents, listedState(status))}</td>
<td class="nowrap when">${byDeadline ? deadline(status.deadline?.at ?? null, now) : nextOrTook(row, now)}</td>
<td class="nowrap dim end">${at}</td>
</tr>`;
}

/** The reason's code, or the place in line. All of it is on the batch's own page. */
function why({ status }: BatchRow): Markup | false {
  if (status?.line) {
    const { place, uploads } = status.line;
    return html`<span class="dim nowrap" title="${describeHold(status.line)}">place ${place.toLocaleString('en')} of ${uploads.toLocaleString('en')}</span>`;
  }
  const reason = status?.summary?.reason ?? status?.lastError;
  // Its state says it already.
  if (!reason || reason.code === 'CANCELLED') return false;
  return html`<code class="code" title="${reason.message}">${reason.code}</code>`;
}

/** How long it took is from its first upload to its end, as its page says it. */
function nextOrTook({ status, endedAt }: BatchRow, now: number): Markup {
  if (status?.nextPollAt) return timeUntil(status.nextPollAt, now);
  const submittedAt = status?.submittedAt ?? null;
  const took = endedAt === null || submittedAt === null ? null : endedAt - Date.parse(submittedAt);
  return html`<span class="dim">${took === null ? '–' : duration(took)}</span>`;
}

function deadline(at: string | null, now: number): Markup {
  return at === null ? html`<span class="dim">–</span>` : timeUntil(at, now);
}
