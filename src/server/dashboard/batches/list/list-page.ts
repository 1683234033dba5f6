/** The page of batches: figures, a search, and lists. Pure. */
import type { DocumentsToday } from '../../../../batches/documents-today.js';
import { MAX_TEXT_LENGTH } from '../../../../batches/lists/batch-filter.js';
import type { BatchCounts } from '../../../../batches/lists/count-batches.js';
import type { RowList } from '../../../../batches/lists/list-batches.js';
import { describeHold, type Line, roomLeft } from '../../../../gate/line.js';
import { plural } from '../../../../plural.js';
import type { Liveness } from '../../../health/read-liveness.js';
import { html, type Markup } from '../../../html.js';
import { mayChange } from '../../../login/operator.js';
import { BATCHES_PATH } from '../../dashboard-path.js';
import { page } from '../../frame/layout.js';
import type { PageFrame } from '../../frame/read-frame.js';
import { pauseForm } from '../../pause/pause-controls.js';
import { actionsOf, bulkBar } from '../bulk/bulk-bar.js';
import { bulkLinks } from '../bulk/bulk-page.js';
import type { BulkRecord } from '../bulk/bulk-record.js';
import { duration } from '../pieces.js';
import {
  filterBar,
  furtherPath,
  isUnfinished,
  listPager,
  searchHeading,
  tabs,
} from './filter-bar.js';
import type { Section } from './list-parameters.js';
import { isNarrowed, type ListQuery, sectionPath, withoutDeadline } from './list-query.js';
import { batchTable } from './list-table.js';
import { faultNote, type QueryFault } from './list-times.js';
import { webhookNote } from './webhook-note.js';

const REFRESH_SECONDS = 2;

export interface ListView {
  liveness: Liveness;
  /** Of all batches, by list. */
  sections: Record<Section, number>;
  query: ListQuery;
  /** Null when something was searched. */
  fault: QueryFault | null;
  list: RowList;
  /** Of what the query asks for. */
  counts: BatchCounts;
  /** Actions on many batches, the latest first. */
  bulks: readonly BulkRecord[];
  frame: PageFrame;
  /** Events that went to the webhook, or will, as far as they are kept; and those of them that were given up. */
  webhooks: { known: number; givenUp: number };
}

export function listPage(view: ListView): string {
  const { query, fault, frame, list, counts, sections } = view;
  const { operator, system } = frame;
  const { now } = system;
  const { failed } = sections;
  const name = query.text === '' ? 'Batches' : `“${query.text}”`;
  const changes = mayChange(operator);
  const actions = changes ? actionsOf(query, view.webhooks.known > 0) : [];
  const { rows } = list;
  const selects = actions.length > 0 && rows.length > 0;
  const isPart = isNarrowed(query) || query.sort === 'deadline' || isUnfinished(list);
  const total = isPart ? list.total : sections[query.section];
  return page(
    {
      title: failed > 0 ? `${failed.toLocaleString('en')} failed · ${name}` : name,
      ...frame,
      // A search reads the batches themselves.
      refreshSeconds: query.text === '' && fault === null ? REFRESH_SECONDS : 0,
    },
    html`<h1 class="hidden">Batches</h1>
${webhookNote(view.webhooks.givenUp, changes)}
${tiles(view)}
${bulkLinks(view.bulks, now)}
<div class="bar">
<form class="search" action="${BATCHES_PATH}" role="search">
<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><circle cx="11" cy="11" r="7"/><path d="m16.5 16.5 4.5 4.5"/></svg>
<input type="search" name="q" id="search" value="${query.text}" placeholder="Reference, Atlas batch id, document id or S3 location" aria-label="Search" autocomplete="off" maxlength="${MAX_TEXT_LENGTH}" required>
<button>Search</button>
</form>
${changes && pauseForm(system.pause)}
</div>
<section class="card list" aria-label="Batches">
${tabs(query, sections)}
${fault === null && searchHeading(query, counts, rows.length)}
${filterBar(query, counts, fault)}
${bulkBar(query, actions, counts)}
${rows.length > 0 ? batchTable({ rows, now, selects, byDeadline: query.sort === 'deadline' }) : fault ? faultNote(fault) : empty(query, list, counts)}
${fault === null && listPager(query, list, total)}
</section>`,
  );
}

function tiles({ liveness, sections, frame }: ListView): Markup {
  const { oldestMs, nearDeadline } = liveness.inFlight;
  const { line } = liveness;
  return html`<section class="tiles" aria-label="How things stand">
<a class="tile" href="${sectionPath('running')}"><span>Running</span><b>${sections.running.toLocaleString('en')}</b></a>
${line.uploads > 0 && html`<a class="tile" title="Uploads that wait for their turn" href="${sectionPath('running')}&amp;state=in-line"><span>In line${roomText(line)}</span><b>${line.uploads.toLocaleString('en')}</b><small>${describeHold(line.hold)}</small></a>`}
<a class="tile" href="${sectionPath('running')}&amp;sort=oldest"><span>Oldest in flight</span><b>${oldestMs > 0 ? duration(oldestMs) : '–'}</b></a>
<a class="tile ${nearDeadline > 0 ? 'warn' : ''}" href="${sectionPath('running')}&amp;sort=deadline"><span>Near their deadline</span><b>${nearDeadline.toLocaleString('en')}</b></a>
<a class="tile ${sections.failed > 0 ? 'bad' : ''}" href="${sectionPath('failed')}"><span>Failed</span><b>${sections.failed.toLocaleString('en')}</b></a>
<a class="tile" href="${sectionPath('completed')}"><span>Completed</span><b>${sections.completed.toLocaleString('en')}</b></a>
${sentToday(frame.system.today)}
</section>`;
}

function sentToday({ sent, quota }: DocumentsToday): Markup {
  const left =
    quota &&
    html`<small>${quota.left.toLocaleString('en')} of ${quota.most.toLocaleString('en')} left</small>`;
  return html`<div class="tile ${quota?.left === 0 ? 'warn' : ''}"><span>Documents sent today</span><b>${sent.toLocaleString('en')}</b>${left}</div>`;
}

function roomText(line: Line): string {
  const left = roomLeft(line);
  return left === null ? '' : `, room for ${left.toLocaleString('en')}`;
}

const EMPTY: Record<Section, [title: string, text: string]> = {
  running: ['All quiet', 'No batch is running.'],
  failed: ['Nothing failed', 'No failed batch is kept.'],
  cancelled: ['Nothing was cancelled', 'No cancelled batch is kept.'],
  completed: ['Nothing yet', 'No completed batch is kept.'],
  all: ['Nothing here', 'No batch is kept.'],
};

function empty(query: ListQuery, list: RowList, counts: BatchCounts): Markup {
  const { text, section, skipped } = query;
  if (isUnfinished(list))
    return html`<p class="empty"><b>Nothing so far</b>${list.searched.toLocaleString('en')} of ${plural(list.total, 'batch', 'batches')} were searched. <a href="${furtherPath(query, list)}">Search further</a></p>`;
  if (list.searched < list.total)
    return html`<p class="empty"><b>Not all were searched</b>${list.searched.toLocaleString('en')} of ${plural(list.total, 'batch was', 'batches were')}. So many sleep that those of them that no worker has begun were left out, and nothing was found among the others.</p>`;
  if (skipped > 0)
    return html`<p class="empty"><b>Nothing more</b>All that there is was on the pages before.</p>`;
  if (query.sort === 'deadline' && withoutDeadline(query, counts) > 0)
    return html`<p class="empty"><b>Nothing in this order</b>Of what fits no batch has a deadline that runs: all wait for a worker or in line.</p>`;
  if (text !== '')
    return html`<p class="empty"><b>Nothing found</b>No reference, document id or S3 location has it, and no Atlas batch this id.</p>`;
  if (isNarrowed(query))
    return html`<p class="empty"><b>Nothing fits</b>No batch fits all that is asked for.</p>`;
  const [title, words] = EMPTY[section];
  return html`<p class="empty"><b>${title}</b>${words}</p>`;
}
