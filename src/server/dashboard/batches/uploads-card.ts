/** The uploads of a batch, those that are not complete first. Pure. */
import type { BatchStatus } from '../../../batches/status/status.js';
import type { UploadStatus } from '../../../batches/status/upload-status.js';
import { countText, plural } from '../../../plural.js';
import { html, type Markup } from '../../html.js';
import { reasonMarkup, timeUntil } from './pieces.js';

/** The others of a large batch are folded. */
const UPLOADS_SHOWN = 3;
/** What Atlas gives is shorter, and is on one line. Others give ids of any length. */
const ONE_LINE = 40;

export function uploadsCard({ uploads }: BatchStatus, now: number): Markup | false {
  if (uploads.length === 0) return false;
  const ordered = [...uploads].sort((a, b) => Number(isComplete(a)) - Number(isComplete(b)));
  const rows = ordered.map((upload) => row(upload, now));
  const shown = rows.slice(0, UPLOADS_SHOWN);
  const folded = rows.slice(UPLOADS_SHOWN);
  return html`<section class="card uploads" aria-label="Uploads"><h2>Uploads<small>${plural(uploads.length, 'Atlas batch', 'Atlas batches')}</small></h2><table><tbody>${shown}</tbody></table>
${folded.length > 0 && html`<details class="fold" id="uploads"><summary>${plural(folded.length, 'more upload')}${folded.length > ordered.filter(isComplete).length ? '' : ', complete'}</summary><table><tbody>${folded}</tbody></table></details>`}</section>`;
}

function isComplete({ result }: UploadStatus): boolean {
  return result === 'complete';
}

function row(upload: UploadStatus, now: number): Markup {
  const { atlasBatchId, round, reason, result, state, documents, nextPollAt, polls } = upload;
  return html`<tr>
<td class="wide">${atlasBatchId === null ? html`<b class="mono">not sent yet</b>` : idMarkup(atlasBatchId)}${round > 1 && html` <small class="dim">round ${countText(round)}</small>`}${reason && html`<div class="why">${reasonMarkup(reason)}</div>`}</td>
<td><span class="pill ${result ?? state}">${result ?? state}</span></td>
<td class="nowrap count end"><b>${countText(documents.present)}</b> / ${countText(documents.total)}</td>
<td class="nowrap dim end">${nextPollAt ? timeUntil(nextPollAt, now) : plural(polls, 'poll')}</td>
</tr>`;
}

/** Without scripts there is no button: the id can be selected. */
function idMarkup(id: string): Markup {
  return html`<span class="id"><b class="mono${id.length <= ONE_LINE && ' whole'}">${id}</b><button type="button" class="copy" data-copy="${id}" aria-label="Copy ${id}" title="Copy" hidden><svg viewBox="0 0 24 24" width="15" height="15" aria-hidden="true"><rect x="9" y="9" width="11" height="11" rx="2.5"/><path d="M5 15V6a2 2 0 0 1 2-2h8"/></svg></button></span>`;
}
