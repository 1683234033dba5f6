/** The page of batches: figures, a search, and lists. Pure. */
import type { Section } from '../../../batches/list.js';
import { plural } from '../../../plural.js';
import type { Liveness } from '../../health/read-liveness.js';
import { html, type Markup } from '../html.js';
import { page } from '../layout.js';
import {
  BATCHES_PATH,
  batchPath,
  duration,
  pager,
  progressBar,
  reasonMarkup,
  statePill,
  timeAgo,
  timeUntil,
} from './pieces.js';
import type { BatchRow } from './rows.js';

export const PAGE_SIZE = 25;
const REFRESH_SECONDS = 2;

export interface ListView {
  now: number;
  liveness: Liveness;
  counts: Record<Section, number>;
  rows: readonly BatchRow[];
  shown: ShownSection | ShownSearch;
}

interface ShownSection {
  kind: 'section';
  section: Section;
  page: number;
}

interface ShownSearch {
  kind: 'search';
  text: string;
  searched: number;
  total: number;
  next: number | null;
}

const TABS: readonly [Section, string][] = [
  ['in-flight', 'In flight'],
  ['failed', 'Failed'],
  ['completed', 'Completed'],
];

export function listPage(view: ListView): string {
  const { shown, liveness } = view;
  const searching = shown.kind === 'search';
  return page(
    {
      title: searching ? `“${shown.text}”` : 'Batches',
      workers: liveness.workers,
      pause: liveness.pause,
      refreshSeconds: searching ? 0 : REFRESH_SECONDS,
    },
    html`${tiles(view)}
<form class="search" action="${BATCHES_PATH}" role="search">
<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><circle cx="11" cy="11" r="7"/><path d="m16.5 16.5 4.5 4.5"/></svg>
<input type="search" name="q" value="${searching ? shown.text : ''}" placeholder="Reference, Atlas batch id or document id" aria-label="Search" autocomplete="off" maxlength="200" required>
<button>Search</button>
</form>
<section class="card">
${searching ? html`<h2>Batches with “${shown.text}”<small>${plural(view.rows.length, 'match', 'matches')}</small></h2>` : tabs(view, shown.section)}
${view.rows.length > 0 ? table(view) : empty(view)}
${searching ? searchPager(shown) : sectionPager(view, shown)}
</section>`,
  );
}

function tiles({ liveness, counts }: ListView): Markup {
  const { oldestMs, nearDeadline } = liveness.inFlight;
  return html`<section class="tiles" aria-label="How things stand">
<a class="tile" href="${sectionPath('in-flight')}"><span>In flight</span><b>${counts['in-flight'].toLocaleString('en')}</b></a>
<div class="tile"><span>Oldest in flight</span><b>${oldestMs > 0 ? duration(oldestMs) : '–'}</b></div>
<div class="tile ${nearDeadline > 0 ? 'warn' : ''}"><span>Near their deadline</span><b>${nearDeadline.toLocaleString('en')}</b></div>
<a class="tile ${counts.failed > 0 ? 'bad' : ''}" href="${sectionPath('failed')}"><span>Failed</span><b>${counts.failed.toLocaleString('en')}</b></a>
<a class="tile" href="${sectionPath('completed')}"><span>Completed</span><b>${counts.completed.toLocaleString('en')}</b></a>
</section>`;
}

function sectionPath(section: Section, pageNumber = 1): string {
  return `${BATCHES_PATH}?show=${section}${pageNumber > 1 ? `&page=${pageNumber}` : ''}`;
}

function tabs({ counts }: ListView, current: Section): Markup {
  const links = TABS.map(
    ([section, word]) =>
      html`<a href="${sectionPath(section)}"${section === current && html` aria-current="page"`}>${word}<i>${counts[section].toLocaleString('en')}</i></a>`,
  );
  return html`<nav class="tabs" aria-label="Lists">${links}</nav>`;
}

function table({ rows, now, shown }: ListView): Markup {
  const ended = shown.kind === 'section' && shown.section !== 'in-flight';
  return html`<table>
<thead><tr><th>Batch</th><th>State</th><th>Documents present</th><th>Atlas batch</th><th>${ended ? 'Duration' : 'Next poll'}</th><th>Added</th></tr></thead>
<tbody>
${rows.map((row) => tableRow(row, now))}
</tbody>
</table>`;
}

function tableRow(row: BatchRow, now: number): Markup {
  const { status, jobId, addedAt } = row;
  if (!status) {
    return html`<tr><td class="ref wide"><b class="mono">${jobId}</b><span class="why">${row.failedReason ?? 'not a batch'}</span></td><td class="right" colspan="4"></td><td class="nowrap dim">${timeAgo(addedAt, now)}</td></tr>`;
  }
  const { summary, lastError, reference } = status;
  const reason = summary?.reason ?? lastError;
  const batchIds = [...new Set(status.uploads.flatMap(({ atlasBatchId }) => atlasBatchId ?? []))];
  const [first] = batchIds;
  return html`<tr>
<td class="ref"><a href="${batchPath(reference)}">${reference}</a><small>${status.productType ?? 'not a valid batch'}</small></td>
<td class="right">${statePill(status)}</td>
<td class="wide">${progressBar(status.documents, status.state)}${reason && html`<span class="why">${reasonMarkup(reason)}</span>`}</td>
<td class="wide mono dim">${first ?? '–'}${batchIds.length > 1 && ` +${batchIds.length - 1}`}</td>
<td class="nowrap" data-label="${status.nextPollAt ? 'Next poll' : 'Took'}">${nextOrTook(row, now)}</td>
<td class="nowrap dim right">${timeAgo(addedAt, now)}</td>
</tr>`;
}

function nextOrTook({ status, addedAt, endedAt }: BatchRow, now: number): Markup {
  if (status?.nextPollAt) return timeUntil(status.nextPollAt, now);
  return html`<span class="dim">${endedAt === null ? '–' : duration(endedAt - addedAt)}</span>`;
}

const EMPTY: Record<Section, [title: string, text: string]> = {
  'in-flight': ['All quiet', 'No batch is in flight.'],
  failed: ['Nothing failed', 'No failed batch is kept.'],
  completed: ['Nothing yet', 'No completed batch is kept.'],
};

function empty({ shown }: ListView): Markup {
  if (shown.kind === 'search') {
    return html`<p class="empty"><b>Nothing found</b>No reference, Atlas batch id or document id fits.</p>`;
  }
  const [title, text] = EMPTY[shown.section];
  return html`<p class="empty"><b>${title}</b>${text}</p>`;
}

function sectionPager({ counts }: ListView, { section, page }: ShownSection): Markup | false {
  const pages = Math.max(1, Math.ceil(counts[section] / PAGE_SIZE));
  return pager(page, pages, (number) => sectionPath(section, number), ['Newer', 'Older']);
}

function searchPager({ text, searched, total, next }: ShownSearch): Markup {
  const more = `${BATCHES_PATH}?q=${encodeURIComponent(text)}&from=${next}`;
  return html`<nav class="pager"><span>${total > 0 ? `Searched ${searched.toLocaleString('en')} of ${plural(total, 'batch', 'batches')}, the newest first` : ''}</span><div>
${next !== null && html`<a class="button" href="${more}">Search further</a>`}
</div></nav>`;
}
