/** What pages say of actions on many batches: what one will cost, and how far it has come. Pure. */
import type { BulkPreview } from '../../../../batches/bulk/preview.js';
import type { BulkAction } from '../../../../batches/bulk/selection.js';
import { MAX_REASON_LENGTH } from '../../../../jobs/audit-record.js';
import { countText, plural } from '../../../../plural.js';
import { html, type Markup } from '../../../html.js';
import { mayChange } from '../../../login/operator.js';
import { BATCHES_PATH, DASHBOARD_PATH } from '../../dashboard-path.js';
import { page } from '../../frame/layout.js';
import type { PageFrame } from '../../frame/read-frame.js';
import { hidden } from '../list/filter-bar.js';
import { type ListQuery, listPath } from '../list/list-query.js';
import { duration, timeAgo } from '../pieces.js';
import type { BulkRecord, BulkState } from './bulk-record.js';

/** Where they are asked for and followed. */
export const BULK_PATH = `${DASHBOARD_PATH}/bulk`;

/** Of a redeliver: the events that were given up, also those of batches that are no longer kept. */
export const GIVEN_UP = 'given-up';

const REFRESH_SECONDS = 1;
/** Refreshed no longer: nothing changes any more. */
const NEVER = 0;

export const VERBS: Record<BulkAction, string> = {
  retry: 'Retry',
  cancel: 'Cancel',
  redeliver: 'Redeliver',
};
const PARTICIPLES: Record<BulkAction, string> = {
  retry: 'retried',
  cancel: 'cancelled',
  redeliver: 'redelivered',
};

/** `300 batches` */
function countOf(count: number, of: BulkRecord['of']): string {
  return of === 'events' ? plural(count, 'event') : plural(count, 'batch', 'batches');
}

/** Those that run, and those that ended in the last minutes. */
const SHOWN_FOR_MS = 10 * 60_000;

export function bulkLinks(records: readonly BulkRecord[], now: number): Markup[] {
  return records
    .filter(({ state, at }) => state === 'running' || now - at < SHOWN_FOR_MS)
    .map(
      (record) =>
        html`<p class="note ${record.state === 'running' ? '' : 'over'}" role="status"><a href="${BULK_PATH}/${record.id}">${describe(record)}</a></p>`,
    );
}

const STATES: Record<BulkState, string> = {
  running: 'under way',
  done: 'done',
  aborted: 'aborted',
  stopped: 'ended, for its server was stopped',
  failed: 'ended by an error, which the log of its server has',
  lost: 'ended, for its server is gone',
};

/**
 * Before a count that may be too low: a server that is killed, and an action that an error ends, has done more than was
 * written of it last.
 */
function leastOf({ state }: BulkRecord): string {
  return state === 'lost' || state === 'failed' ? 'at least ' : '';
}

function describe(record: BulkRecord): string {
  const { action, of, state, done, changed, total, by } = record;
  return `${VERBS[action]} of ${countOf(Math.max(total, done), of)} by ${by}: ${STATES[state]}, ${leastOf(record)}${changed.toLocaleString('en')} ${PARTICIPLES[action]}`;
}

export interface PreviewView extends PageFrame {
  action: BulkAction;
  query: ListQuery;
  of: BulkRecord['of'];
  /** Those that were selected; null for all that fit. */
  references: readonly string[] | null;
  preview: BulkPreview;
  /** The id that the action will have: whoever confirms it twice starts it once. */
  confirmation: string;
  /** When it was asked for, by the clock of Redis. */
  askedAtMs: number;
  /** Until when they were counted: those that came later are not meant. */
  untilMs: number;
  /** Which, in words. */
  which: string;
}

export function previewPage(view: PreviewView): string {
  const { action, of, query, references, preview, system, operator, which } = view;
  const meant = meantBy(preview, of);
  const more =
    references === null &&
    query.sort === 'deadline' &&
    ', whether their deadline runs or not: a list by nearest deadline has not all of them';
  return page(
    { title: `${VERBS[action]} ${meant}`, system, operator, refreshSeconds: NEVER },
    html`<div class="head"><div>
<a class="back" href="${listPath(query)}">← Back to the list</a>
<h1>${isNothing(preview) ? `Nothing to ${action}` : `${VERBS[action]} ${meant}?`}</h1>
<p>${which}${more}</p>
</div></div>
<section class="card preview" aria-label="What it will cost">
${of === 'events' ? eventsCost(preview.batches) : cost(preview)}
${!isNothing(preview) && confirmForm(view)}
</section>`,
  );
}

function isNothing({ batches, isWhole }: BulkPreview): boolean {
  return batches === 0 && isWhole;
}

/** `300 batches`; where not all were counted, without saying that these are all. */
function meantBy({ batches, isWhole }: BulkPreview, of: BulkRecord['of']): string {
  if (isWhole) return countOf(batches, of);
  return batches === 0 ? 'all that fit' : `at least ${countOf(batches, of)}`;
}

const STATES_FOR: Record<BulkAction, string> = {
  retry: 'failed',
  cancel: 'still running',
  redeliver: 'ended',
};

function cost(preview: BulkPreview): Markup {
  const { action, batches, leftOut, isWhole } = preview;
  if (batches === 0 && !isWhole)
    return html`<p class="cost">None was found, but not all were searched: there may be some.</p>`;
  if (batches === 0)
    return html`<p class="cost">No batch that is meant is ${STATES_FOR[action]}. Select some in the list first.</p>`;
  const least = isWhole ? '' : 'At least, for not all were counted: ';
  return html`<p class="cost">${least}${costOf(preview)}${leftOut > 0 && html` Of those that were selected ${plural(leftOut, 'is', 'are')} left out, in another state by now.`}</p>`;
}

function eventsCost(events: number): Markup {
  if (events === 0) return html`<p class="cost">No event is given up.</p>`;
  return html`<p class="cost">${events === 1 ? 'It' : 'Each'} goes to the webhook again, with the same webhook-id, for another day of trying.</p>`;
}

function costOf({ action, batches, atlasBatches, documents }: BulkPreview): Markup {
  if (action === 'redeliver')
    return html`The latest event of ${batches === 1 ? 'it' : 'each'} goes to the webhook again, with the same webhook-id.`;
  const atlas = plural(atlasBatches, 'Atlas batch', 'Atlas batches');
  const be = atlasBatches === 1 ? 'is' : 'are';
  return action === 'retry'
    ? html`<b>${atlas}</b> ${be} read once more, and at most <b>${plural(documents, 'document')}</b> sent. What stays missing is sent again, as RESUBMIT_MISSING says.`
    : html`<b>${atlas}</b> ${be} polled no more. What Atlas has is not taken back. Each batch ends as failed with CANCELLED, and its caller is told the reason.`;
}

const RATES = ['', '1', '5', '20', '100'];

function confirmForm(view: PreviewView): Markup {
  const { action, of, query, references, preview, confirmation, askedAtMs, untilMs } = view;
  const which = of === 'events' ? GIVEN_UP : references ? 'selected' : 'all';
  const selected = references
    ? references.map((reference) => html`<input type="hidden" name="ref" value="${reference}">`)
    : which === 'all' && hidden(query);
  const reason = html`<label>Why?<input name="reason" maxlength="${MAX_REASON_LENGTH}" autocomplete="off" ${action === 'cancel' ? html`required placeholder="sent by mistake"` : html`placeholder="for the audit log"`}></label>`;
  return html`<form method="post" action="${BULK_PATH}" class="confirm">
<input type="hidden" name="action" value="${action}"><input type="hidden" name="which" value="${which}"><input type="hidden" name="confirmation" value="${confirmation}"><input type="hidden" name="asked-at" value="${askedAtMs}"><input type="hidden" name="until" value="${untilMs}"><input type="hidden" name="total" value="${preview.batches}">${selected}
${reason}
<label>How fast?<select name="rate">${RATES.map((rate) => html`<option value="${rate}">${rate === '' ? 'as fast as can be' : `${rate} a second`}</option>`)}</select></label>
<button class="${action === 'cancel' ? 'danger' : 'primary'}">${VERBS[action]} ${meantBy(preview, of)}</button>
<a class="button" href="${references ? BATCHES_PATH : listPath(query)}">Leave it</a>
</form>`;
}

export interface ProgressView extends PageFrame {
  record: BulkRecord;
  now: number;
}

export function progressPage({ record, now, system, operator }: ProgressView): string {
  const { action, of, state, done, changed, total, rate, startedAt, by, which } = record;
  // Where not all could be counted before, there may be more.
  const most = Math.max(total, done);
  const runs = state === 'running';
  const least = leastOf(record);
  const percent = most === 0 ? 100 : Math.floor((done / most) * 100);
  return page(
    {
      title: runs ? `${percent} % · ${VERBS[action]}` : `${VERBS[action]} ${state}`,
      ...{ system, operator },
      refreshSeconds: runs ? REFRESH_SECONDS : NEVER,
    },
    html`<div class="head"><div>
<a class="back" href="${BATCHES_PATH}">← Batches</a>
<h1>${VERBS[action]} of ${countOf(most, of)}</h1>
<p>${which}; begun by ${by} ${timeAgo(startedAt, now)}${rate !== null && `, ${countText(rate)} a second`}</p>
</div>
${runs && mayChange(operator) && html`<div class="actions"><form method="post" action="${BULK_PATH}/${record.id}/abort"><button class="danger">Abort</button></form></div>`}
</div>
<section class="card preview" aria-label="Progress">
<p class="cost" role="status">${least.replace('a', 'A')}${changed.toLocaleString('en')} of ${countOf(most, of)} ${PARTICIPLES[action]}${done > changed && `, ${least}${plural(done - changed, 'was', 'were')} ${of === 'events' ? 'no longer kept' : 'in another state'} by then`}. It is ${STATES[state]}${left(record, now)}.</p>
<progress class="${runs ? 'processing' : state === 'done' ? 'completed' : 'failed'}" max="${Math.max(1, most)}" value="${done}" aria-label="Progress">${percent} %</progress>
${!runs && state !== 'done' && html`<p class="cost">What was done stays; the other ${of} are as they were${of === 'batches' && '. The list still has them'}.</p>`}
</section>`,
  );
}

/** How long it will take, by how long it took so far. */
function left({ state, done, total, startedAt }: BulkRecord, now: number): string {
  if (state !== 'running' || done === 0 || total <= done) return '';
  return `, about ${duration(((now - startedAt) / done) * (total - done))} left`;
}
