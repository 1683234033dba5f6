/** The page of one batch: its state, its history and the actions on it. Pure. */
import type { BatchDeadline } from '../../../batches/status/deadline.js';
import { describeRequestedCancel } from '../../../batches/status/requested-cancel.js';
import type { BatchStatus } from '../../../batches/status/status.js';
import { TURN_HAS_COME } from '../../../gate/line.js';
import { MAX_REASON_LENGTH } from '../../../jobs/audit-record.js';
import { MAX_REFERENCE_LENGTH } from '../../../jobs/ids.js';
import { listedState } from '../../../jobs/state/listed-facts.js';
import { countText, plural } from '../../../plural.js';
import { html, type Markup } from '../../html.js';
import { mayChange } from '../../login/operator.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import { page } from '../frame/layout.js';
import type { PageFrame } from '../frame/read-frame.js';
import { exactTime, isoTime, utcTime } from '../time-markup.js';
import { spanOptions } from '../time-spans.js';
import type { ActionResult } from './actions.js';
import { documentsCard } from './documents.js';
import { doneNote } from './done-note.js';
import {
  batchPath,
  duration,
  linePlaceMarkup,
  progressBar,
  reasonMarkup,
  statePill,
  tabState,
  timeAgo,
  timeUntil,
} from './pieces.js';
import type { BatchView } from './read-batch.js';
import { uploadsCard } from './uploads-card.js';
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
<h1>${status.reference} ${statePill(status)}${status.cancelRequested && html` <span class="pill error">Cancel requested</span>`}</h1>
<p>${status.productType ?? 'Not a valid batch'}${view.addedAt !== null && html` · added ${timeAgo(view.addedAt, now)}`}</p>
</div>
${changes && actions(view)}
</div>
${doneNote(done, view)}
${notes(view)}
<div class="columns">
<div>
${facts(view)}
${uploadsCard(status, now)}
${webhookCard(status.reference, view.webhooks, { now, mayChange: changes })}
${documentsCard(status.reference, view.documents)}
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
${!status.cancelRequested && cancelForm(path)}
</div>`;
}

function cancelForm(path: string): Markup {
  return html`<details class="action" id="cancel"><summary class="button">Cancel…</summary>
<form method="post" action="${path}/cancel">
<label>Why?<input name="reason" maxlength="${MAX_REASON_LENGTH}" required autocomplete="off" placeholder="sent by mistake"></label>
<p>It ends as failed with CANCELLED, and the caller is told the reason. What Atlas has is not taken back.</p>
<button class="danger">Cancel this batch</button>
</form></details>`;
}

function eraseForm(reference: string): Markup {
  return html`<details class="action" id="erase"><summary class="button">Erase…</summary>
<form method="post" action="${batchPath(reference)}/erase">
<label>Its reference, to be sure<input name="confirm" maxlength="${MAX_REFERENCE_LENGTH}" required autocomplete="off" placeholder="${reference}"></label>
<label>Why?<input name="reason" maxlength="${MAX_REASON_LENGTH}" autocomplete="off" placeholder="ticket 4711; no names: it is kept"></label>
<p>Its results in S3, with every version, its jobs, events and logs are gone for good. The documents themselves stay where they are.</p>
<button class="danger">Erase this batch</button>
</form></details>`;
}

function notes({ status }: BatchPageView): Markup {
  return html`${requestedCancel(status)}${reasonNote(status)}`;
}

/** Without a word that it was asked for, whoever waits for a worker would ask again. */
function requestedCancel({ cancelRequested }: BatchStatus): Markup | undefined {
  if (!cancelRequested) return undefined;
  return html`<div class="note over">A cancel was requested ${describeRequestedCancel(cancelRequested)}. It happens when a worker takes it.</div>
`;
}

function reasonNote({ summary, lastError, line }: BatchStatus): Markup {
  const reason = summary?.reason ?? (line ? null : lastError);
  if (!reason) return html``;
  const style = !summary?.reason ? 'error' : reason.code === 'CANCELLED' ? 'over' : 'failed';
  return html`<div class="note ${style}">${reasonMarkup(reason)}</div>`;
}

function facts({ status, now }: BatchPageView): Markup {
  const { summary } = status;
  const took =
    summary?.submittedAt &&
    duration(Date.parse(summary.completedAt) - Date.parse(summary.submittedAt));
  return html`<section class="card"><h2>${summary ? 'Outcome' : 'Progress'}</h2><dl class="facts">
${status.priority && html`<dt>Priority</dt><dd>${status.priority}</dd>`}
${status.tenant && html`<dt>Tenant</dt><dd>${status.tenant}</dd>`}
<dt>Documents present</dt><dd>${progressBar(status.documents, listedState(status))}</dd>
<dt>Documents sent</dt><dd>${status.documents.sent.toLocaleString('en')}</dd>
${status.state === 'in-line' && html`<dt>Waits</dt><dd>${status.line ? linePlaceMarkup(status.line, now) : TURN_HAS_COME}</dd>`}
${status.deadline && deadlineFact(status.deadline, now)}
<dt>Polls</dt><dd>${countText(status.polls)}${status.nextPollAt && html`, the next ${timeUntil(status.nextPollAt, now)}`}</dd>
${summary?.submittedAt && html`<dt>Submitted</dt><dd class="mono">${exactTime(summary.submittedAt)}</dd>`}
${summary && html`<dt>Ended</dt><dd><span class="mono">${exactTime(summary.completedAt)}</span>${took && html` <span class="dim">${took} after it was submitted</span>`}</dd>`}
${summary && summary.results.length > 0 && html`<dt>Results</dt><dd class="mono">${results(summary.results)}</dd>`}
</dl></section>`;
}

/** Nothing before a worker has begun it, unless it was given more time. */
function deadlineFact({ at, leftMs, extendedMs, stoodMs }: BatchDeadline, now: number): Markup {
  const parts: (Markup | string)[] = [];
  if (at !== null) parts.push(html`${utcTime(Date.parse(at))}, ${timeUntil(at, now)}`);
  if (leftMs !== null) parts.push(`stands still, ${duration(leftMs)} left`);
  if (extendedMs > 0) parts.push(`extended by ${duration(extendedMs)}`);
  if (stoodMs > 0) parts.push(`stood still for ${duration(stoodMs)}`);
  if (parts.length === 0) return html``;
  return html`<dt>Deadline</dt><dd>${parts.flatMap((part, i) => (i === 0 ? [part] : [', ', part]))}</dd>`;
}

/** A large batch has one for each upload. */
const RESULTS_SHOWN = 3;

function results(uris: readonly string[]): Markup {
  const lines = uris.map((uri) => html`<div>${uri}</div>`);
  const folded = lines.slice(RESULTS_SHOWN);
  return html`${lines.slice(0, RESULTS_SHOWN)}${folded.length > 0 && html`<details id="results"><summary>${folded.length.toLocaleString('en')} more</summary>${folded}</details>`}`;
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
