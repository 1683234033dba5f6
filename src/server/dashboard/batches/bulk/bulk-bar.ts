/** What a list offers to do to many of its batches. Pure. */
import type { BulkAction } from '../../../../batches/bulk/selection.js';
import { type BatchCounts, isWhole } from '../../../../batches/lists/count-batches.js';
import { html, type Markup } from '../../../html.js';
import { hidden } from '../list/filter-bar.js';
import { type ListQuery, statesOf, withoutDeadline } from '../list/list-query.js';
import { BULK_FORM } from '../list/list-table.js';
import { BULK_PATH, VERBS } from './bulk-page.js';
import { ENDED } from './read-asked.js';

/** What can be done to all of a list, by the states that it is of. Events are sent again only where there is a webhook. */
export function actionsOf(query: ListQuery, hasWebhook: boolean): BulkAction[] {
  const states = statesOf(query);
  const actions: BulkAction[] = [];
  if (states.every((state) => !ENDED.has(state))) actions.push('cancel');
  if (states.every((state) => state === 'failed' || state === 'cancelled')) actions.push('retry');
  // Of those that have not ended nothing is sent.
  if (hasWebhook && states.some((state) => ENDED.has(state))) actions.push('redeliver');
  return actions;
}

/** Above a list: what can be done to the selected, and to all that fit. */
export function bulkBar(
  query: ListQuery,
  [first, ...others]: readonly BulkAction[],
  counts: BatchCounts,
): Markup | false {
  if (first === undefined || (counts.matching === 0 && isWhole(counts))) return false;
  // Of all batches some have not ended, and have no event.
  const isKnown = isWhole(counts) && query.section !== 'all';
  const all = isKnown ? `all ${counts.matching.toLocaleString('en')}` : 'all that fit';
  const buttons = (name: string, action: BulkAction) => html`
<button name="${name}" value="selected">${VERBS[action]} selected…</button>
<button name="${name}" value="all">${VERBS[action]} ${all}…</button>`;
  return html`<form class="bulk" id="${BULK_FORM}" action="${BULK_PATH}">
<input type="hidden" name="action" value="${first}">${hidden(query)}
<span class="dim" id="selected" role="status"></span>${buttons('which', first)}${others.map((action) => buttons(action, action))}${query.sort === 'deadline' && notInList(query, counts)}
</form>`;
}

/** A list by nearest deadline has not all that fit, and the buttons mean all. */
function notInList(query: ListQuery, counts: BatchCounts): Markup | false {
  const count = withoutDeadline(query, counts);
  if (count === 0) return false;
  const [are, their] = count === 1 ? ['is', 'its'] : ['are', 'their'];
  const least = isWhole(counts) ? '' : 'At least ';
  return html`<span class="dim">${least}${count.toLocaleString('en')} of all ${counts.matching.toLocaleString('en')} ${are} not in this list, for ${their} deadline does not run.</span>`;
}
