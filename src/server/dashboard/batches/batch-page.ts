/** The page of one batch: its state, its history and the actions on it. Pure. */
import { plural } from '../../../plural.js';
import { html, type Markup } from '../../html.js';
import { mayChange } from '../../login/operator.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import { page } from '../layout.js';
import { MAX_REASON_LENGTH } from '../read-form.js';
import type { PageFrame } from '../read-frame.js';
import { exactTime, isoTime } from '../time-markup.js';
import { spanOptions } from '../time-spans.js';
import { ACTION_WORDS, type ActionResult } from './actions.js';
import {
  batchPath,
  duration,
  linePlaceMarkup,
  pager,
  progressBar,
  reasonMarkup,
  statePill,
  tabState,
  timeAgo,
  timeUntil,
} from './pieces.js';
import { type BatchView, DOCUMENTS_PER_PAGE } from './read-batch.js';
import { webhookCard } from './webhook-card.js';

const REFRESH_SECONDS = 2;

export interface BatchPageView extends BatchView {
  now: number;
  frame: PageFrame;
  /** The result of the action that led to this page. */
  done: ActionResult | null;
}

export function batchPage(view: BatchPageView): string {
  const { status, now, frame, done } = view;
  const changes = mayChange(frame.operator);
  return page(
    {
      ...frame,
      title: status.reference,
      refreshSeconds: REFRESH_SECONDS,
      state: tabState(status),
    },
    html`<div class="head">
<div>
<a class="back" href="${BATCHES_PATH}">← Batches</a>
<h1>${status.reference} ${statePill(status)}</h1>
<p>${status.productType ?? 'Not a valid batch'}${view.addedAt !== null && html` · added ${timeAgo(view.addedAt, now)}`}</p>
</div>
${changes && actions(view)}
</div>
${done && html`<p class="note" role="status">${ACTION_WORDS[done]}</p>`}
${notes(view)}
<div class="columns">
<div>
${facts(view)}
${uploads(view)}
${webhookCard(status.reference, view.webhooks, { now, mayChange: changes })}
${documents(view)}
</div>
${timeline(view)}
</div>`,
  );
}

function actions({ status }: BatchPageView): Markup {
  const path = batchPath(status.reference);
  if (status.summary?.reason?.code === 'CANCELLED') {
    return html`<div class="actions"><details class="action" id="retry"><summary class="button">Retry…</summary>
<form method="post" action="${path}/retry">
<p>Somebody has cancelled it. A retry reads what Atlas has, then sends what is missing.</p>
<button class="primary">Retry it all the same</button>
</form></details>${eraseForm(status.reference)}</div>`;
  }
  if (status.state === 'failed') {
    return html`<div class="actions"><form method="post" action="${path}/retry"><button class="primary">Retry</button></form>${eraseForm(status.reference)}</div>`;
  }
  if (status.state === 'completed') {
    return html`<div class="actions">${eraseForm(status.reference)}</div>`;
  }
  return html`<div class="actions">
<form method="post" action="${path}/poll"><button class="primary">Poll now</button></form>
<details class="action" id="deadline"><summary class="button">More time…</summary>
<form method="post" action="${path}/deadline">
<label>How much?<select name="more">${spanOptions()}</select></label>
<p>It is added to the batch's deadline, also while Atlas has it. Several add up.</p>
<button class="primary">Give it more time</button>
</form></details>
<details class="action" id="cancel"><summary class="button">Cancel…</summary>
<form method="post" action="${path}/cancel">
<label>Why?<input name="reason" maxlength="${MAX_REASON_LENGTH}" required autocomplete="off" placeholder="sent by mistake"></label>
<p>It ends as failed with CANCELLED, and the caller is told the reason. What Atlas has is not taken back.</p>
<button class="danger">Cancel this batch</button>
</form></details>
</div>`;
}

function eraseForm(reference: string): Markup {
  return html`<details class="action" id="erase"><summary class="button">Erase…</summary>
<form method="post" action="${batchPath(reference)}/erase">
<label>Its reference, to be sure<input name="confirm" maxlength="128" required autocomplete="off" placeholder="${reference}"></label>
<label>Why?<input name="reason" maxlength="${MAX_REASON_LENGTH}" autocomplete="off" placeholder="ticket 4711; no names: it is kept"></label>
<p>Its results in S3, with every version, its jobs, events and logs are gone for good. The documents themselves stay where they are.</p>
<button class="danger">Erase this batch</button>
</form></details>`;
}

function notes({ status }: BatchPageView): Markup {
  const { summary, lastError } = status;
  const reason = summary?.reason ?? (status.line ? null : lastError);
  if (!reason) return html``;
  const style = !summary?.reason ? 'error' : reason.code === 'CANCELLED' ? 'over' : 'failed';
  return html`<p class="note ${style}">${reasonMarkup(reason)}</p>`;
}

function facts({ status, endedAt, addedAt, now }: BatchPageView): Markup {
  const { summary } = status;
  const took = endedAt !== null && addedAt !== null ? duration(endedAt - addedAt) : null;
  return html`<section class="card"><h2>${summary ? 'Outcome' : 'Progress'}</h2><dl class="facts">
<dt>Documents present</dt><dd>${progressBar(status.documents, status.state)}</dd>
<dt>Documents sent</dt><dd>${status.documents.sent.toLocaleString('en')}</dd>
${status.line && html`<dt>Waits</dt><dd>${linePlaceMarkup(status.line, now)}</dd>`}
<dt>Polls</dt><dd>${status.polls}${status.nextPollAt && html`, the next ${timeUntil(status.nextPollAt, now)}`}</dd>
${summary?.submittedAt && html`<dt>Submitted</dt><dd class="mono">${exactTime(summary.submittedAt)}</dd>`}
${summary && html`<dt>Ended</dt><dd><span class="mono">${exactTime(summary.completedAt)}</span>${took && html` <span class="dim">after ${took}</span>`}</dd>`}
${summary?.results.map((uri) => html`<dt>Results</dt><dd class="mono">${uri}</dd>`)}
</dl></section>`;
}

function uploads({ status, now }: BatchPageView): Markup | false {
  if (status.uploads.length === 0) return false;
  const rows = status.uploads.map(
    (upload) => html`<tr>
<td class="wide"><b class="mono">${upload.atlasBatchId ?? 'not sent yet'}</b>${upload.round > 1 && html` <small class="dim">round ${upload.round}</small>`}${upload.reason && html`<span class="why">${reasonMarkup(upload.reason)}</span>`}</td>
<td><span class="pill ${upload.result ?? upload.state}">${upload.result ?? upload.state}</span></td>
<td class="nowrap count end"><b>${upload.documents.present}</b> / ${upload.documents.total}</td>
<td class="nowrap dim end">${upload.nextPollAt ? timeUntil(upload.nextPollAt, now) : plural(upload.polls, 'poll')}</td>
</tr>`,
  );
  return html`<section class="card"><h2>Uploads<small>${plural(status.uploads.length, 'Atlas batch', 'Atlas batches')}</small></h2><table><tbody>${rows}</tbody></table></section>`;
}

function documents({ status, documents: { lines, total, page: current } }: BatchPageView): Markup {
  const pages = Math.ceil(total / DOCUMENTS_PER_PAGE);
  const to = (number: number) => `${batchPath(status.reference)}?page=${number}`;
  const rows = lines.map(
    ({ documentId, location, state }) => html`<tr>
<td class="ref"><b class="mono">${documentId}</b><small class="mono">${location}</small></td>
<td class="end"><span class="pill ${state}">${state}</span></td>
</tr>`,
  );
  return html`<section class="card"><h2>Documents<small>${total.toLocaleString('en')}</small></h2>
<table><tbody>${rows}</tbody></table>
${pager(current, pages, to, ['Before', 'After'])}</section>`;
}

function timeline(view: BatchPageView): Markup {
  const { addedAt, status } = view;
  const { entries, uploadsLeftOut } = view.timeline;
  const several = new Set(status.uploads.map(({ atlasBatchId }) => atlasBatchId)).size > 1;
  const lines = entries.map(
    ({ at, text, atlasBatchId }) =>
      html`<li>${at && exactTime(at)}${text}${several && atlasBatchId && html` <small class="mono dim">${atlasBatchId}</small>`}</li>`,
  );
  return html`<section class="card"><h2>Timeline<small>${uploadsLeftOut > 0 && `polls of ${plural(uploadsLeftOut, 'earlier upload')} left out`}</small></h2>
<ol class="timeline">${lines}${addedAt !== null && html`<li>${exactTime(isoTime(addedAt))}added</li>`}</ol></section>`;
}
