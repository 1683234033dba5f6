/** The tabs of the list, and what narrows it: values with their counts, time and order. Pure. */
import { DIMENSIONS, type Dimension } from '../../../../batches/lists/batch-filter.js';
import type { BatchSort } from '../../../../batches/lists/batch-sets.js';
import {
  type BatchCounts,
  isWhole,
  type ValueCount,
} from '../../../../batches/lists/count-batches.js';
import type { RowList } from '../../../../batches/lists/list-batches.js';
import { plural } from '../../../../plural.js';
import { html, type Markup } from '../../../html.js';
import { BATCHES_PATH } from '../../dashboard-path.js';
import { STATE_WORDS } from '../pieces.js';
import { PARAMETERS, SECTIONS, type Section, SINCE, sortsOf } from './list-parameters.js';
import {
  isNarrowed,
  type ListQuery,
  listPath,
  parametersOf,
  sectionPath,
  toggled,
} from './list-query.js';
import { type QueryFault, timeFields } from './list-times.js';

const TABS: readonly [Section, string][] = [
  ['running', 'Running'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
  ['completed', 'Completed'],
  ['all', 'All'],
];

export function tabs({ section }: ListQuery, counts: Record<Section, number>): Markup {
  const links = TABS.map(
    ([name, word]) =>
      html`<a href="${sectionPath(name)}"${name === section && html` aria-current="page"`}>${word}<i>${counts[name].toLocaleString('en')}</i></a>`,
  );
  return html`<nav class="tabs" aria-label="Lists">${links}</nav>`;
}

const WORDS: Record<Dimension, string> = {
  state: 'State',
  code: 'Reason',
  productType: 'Product',
  tenant: 'Tenant',
  priority: 'Priority',
};

const SORT_WORDS: Record<BatchSort, string> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  deadline: 'Nearest deadline',
};

/** Values of one kind that are links: the most frequent, and those that are asked for. */
const VALUES_SHOWN = 8;
/** Values of one kind that are in a list. It is sent with each refresh: 500 names of ten letters are 40 kB. */
const VALUES_LISTED = 500;

/** As TENANT_PATTERN, for browsers: what is no tenant narrows nothing, and is not sent. */
const TYPED_TENANT = '[A-Za-z0-9._\\-]{1,64}';

export function filterBar(query: ListQuery, counts: BatchCounts, fault: QueryFault | null): Markup {
  const groups = DIMENSIONS.map((dimension) => values(query, dimension, counts));
  const clear =
    isNarrowed(query) &&
    html`<a class="button quiet" href="${sectionPath(query.section)}">Clear</a>`;
  // What is wrong in a field of this form is chosen anew in it.
  const unknown = query.unknown.filter(([name]) => name !== 'since' && name !== 'sort');
  return html`<div class="filters">
${groups}
<form class="narrow" action="${BATCHES_PATH}">
${hidden({ ...query, since: '', from: '', to: '', sort: 'newest', unknown })}
<label>Since <select name="since"><option value="">any time</option>${[...SINCE].map(([value, { word }]) => option(value, `the last ${word}`, query.since))}</select></label>
${timeFields(query, fault)}
<label>Order <select name="sort">${sortsOf(query.section).map((sort) => option(sort, SORT_WORDS[sort], query.sort))}</select></label>
<button>Apply</button>${clear}
</form>
</div>`;
}

function option(value: string, word: string, chosen: string): Markup {
  return html`<option value="${value}"${value === chosen && html` selected`}>${word}</option>`;
}

/** The filter as fields that a form hands on. */
export function hidden(query: ListQuery): Markup[] {
  return parametersOf(query).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
}

function values(query: ListQuery, dimension: Dimension, whole: BatchCounts): Markup | false {
  const counts: readonly ValueCount[] = whole[dimension];
  const chosen = query.values[dimension];
  const shown = counts.filter(({ value }, i) => i < VALUES_SHOWN || chosen.includes(value));
  const gone = chosen.filter((value) => !counts.some((one) => one.value === value));
  // One value for all says nothing. The states of a list are its own.
  if (shown.length + gone.length < 2 && chosen.length === 0) return false;
  if (dimension === 'state' && SECTIONS[query.section].length === 1 && query.section !== 'running')
    return false;
  const links = [...shown, ...gone.map((value) => ({ value, count: 0 }))].map(({ value, count }) =>
    valueLink(query, dimension, value, count),
  );
  const others = counts.filter((one) => !shown.includes(one));
  return html`<div class="facet" role="group" aria-label="${WORDS[dimension]}"><b>${WORDS[dimension]}</b>${!isWhole(whole) && html`<span class="dim">at least</span>`}${links}${others.length > 0 && otherValues(query, dimension, others)}</div>`;
}

/** The values that have no link, to add one to what is asked for. */
function otherValues(
  query: ListQuery,
  dimension: Dimension,
  others: readonly ValueCount[],
): Markup {
  const name = PARAMETERS[dimension];
  const byName = [...others].sort((a, b) => (a.value < b.value ? -1 : 1));
  // The key keeps what a reader has chosen while the page is read again, and others come and go.
  const options = byName.map(
    ({ value, count }) =>
      html`<option value="${value}" data-key="${dimension}:${value}">${wordOf(dimension, value)} (${count.toLocaleString('en')})</option>`,
  );
  const field =
    others.length > VALUES_LISTED
      ? html`<input type="text" name="${name}" required autocomplete="off"${dimension === 'tenant' && html` pattern="${TYPED_TENANT}" title="1 to 64 of A-Z a-z 0-9 . _ -"`}>`
      : html`<select name="${name}">${options}</select>`;
  return html`<form class="more" action="${BATCHES_PATH}">
${hidden(query)}<label><span class="hidden">${WORDS[dimension]}: </span>${others.length.toLocaleString('en')} more ${field}</label><button>Add<span class="hidden"> ${WORDS[dimension]}</span></button>
</form>`;
}

function wordOf(dimension: Dimension, value: string): string {
  const word = dimension === 'state' ? STATE_WORDS[value as keyof typeof STATE_WORDS] : value;
  return word || 'none';
}

function valueLink(query: ListQuery, dimension: Dimension, value: string, count: number): Markup {
  const isChosen = query.values[dimension].includes(value);
  return html`<a class="value" href="${toggled(query, dimension, value)}"${isChosen && html` aria-current="true"`}>${wordOf(dimension, value)} <i>${count.toLocaleString('en')}</i></a>`;
}

/** `Batches with “pan-77”`, and how many. @param shown On this page, of which the counts may not know yet. */
export function searchHeading(
  { text }: ListQuery,
  counts: BatchCounts,
  shown: number,
): Markup | false {
  return (
    text !== '' && html`<h2>Batches with “${text}”<small>${matchesIn(counts, shown)}</small></h2>`
  );
}

function matchesIn(counts: BatchCounts, shown: number): string {
  const found = Math.max(counts.matching, shown);
  const matches = plural(found, 'match', 'matches');
  if (isWhole(counts)) return matches;
  return found === 0 ? 'no match so far' : `at least ${matches}`;
}

/** Whether the time was over before anything was found. Then nobody can say yet that there is nothing. */
export function isUnfinished({ rows, next }: RowList): boolean {
  return rows.length === 0 && next !== null;
}

/** Where the search goes on. */
export function furtherPath(query: ListQuery, { rows, next }: RowList): string {
  const { skipped } = query;
  return next === null
    ? listPath(query)
    : listPath(query, {}, { cursor: next, skipped: skipped + rows.length });
}

/** How far a search has come, and the pages before and after. @param total Batches that are to be searched. */
export function listPager(query: ListQuery, list: RowList, total: number): Markup {
  const { skipped, cursor } = query;
  const { rows, next, searched } = list;
  const from = skipped + 1;
  const to = skipped + rows.length;
  const range =
    rows.length === 0 ? 'None' : `${from.toLocaleString('en')} to ${to.toLocaleString('en')}`;
  const how =
    isNarrowed(query) || isUnfinished(list)
      ? `, searched ${searched.toLocaleString('en')} of ${plural(total, 'batch', 'batches')}`
      : ` of ${total.toLocaleString('en')}`;
  const older = query.sort === 'newest' ? 'Older' : 'Further';
  const only =
    query.sort === 'deadline' &&
    html`. Only those whose deadline runs: none that waits for a worker or in line.`;
  return html`<nav class="pager" aria-label="Parts of this list"><span>${range}${how}${only}</span><div>
${cursor !== undefined && html`<a class="button" href="${listPath(query)}">First page</a>`}
${next !== null && html`<a class="button" href="${furtherPath(query, list)}">${isUnfinished(list) ? 'Search further' : older}</a>`}
</div></nav>`;
}
