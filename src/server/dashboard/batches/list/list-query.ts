/** What the address of the list of batches asks for. Pure. */
import {
  type BatchFilter,
  DIMENSIONS,
  type Dimension,
  MAX_TEXT_LENGTH,
  type StateFilter,
} from '../../../../batches/lists/batch-filter.js';
import { type BatchSort, SORTS } from '../../../../batches/lists/batch-sets.js';
import type { BatchCounts } from '../../../../batches/lists/count-batches.js';
import type { ListedState } from '../../../../jobs/state/listed-facts.js';
import { BATCHES_PATH } from '../../dashboard-path.js';
import {
  describeUnknown,
  type Given,
  isSection,
  KNOWN,
  PARAMETERS,
  SECTIONS,
  type Section,
  SINCE,
  sortsOf,
  textOf,
  textsOf,
  unknownIn,
} from './list-parameters.js';
import { faultOf, type ListTimes, msOf, type QueryFault, timeIn } from './list-times.js';

export interface ListQuery extends ListTimes {
  section: Section;
  /** Values that are asked for, by dimension. */
  values: Record<Dimension, readonly string[]>;
  /** A key of {@link SINCE}; empty for any time. */
  since: string;
  /** What nobody can do: parameters that there are not, are given several times, or have values that nothing has. */
  unknown: readonly Given[];
  text: string;
  sort: BatchSort;
  cursor: string | undefined;
  /** Batches on the pages before. */
  skipped: number;
}

/**
 * Of the values in an address those that can be are taken. What is wrong with the others, {@link queryFault} says.
 * @param others Parameters that are known beside those of the list.
 */
export function readListQuery(
  query: Readonly<Record<string, unknown>>,
  others: readonly string[] = [],
): ListQuery {
  const taken = (name: string) => {
    const isKnown = KNOWN[name];
    return isKnown ? textsOf(query[name]).filter(isKnown) : [];
  };
  const state = taken('state');
  const section = sectionOf(query, state);
  const sort = SORTS.find((one) => one === query.sort) ?? 'newest';
  const isSort = sortsOf(section).includes(sort);
  const cursor = textOf(query.at);
  const skipped = textOf(query.skip);
  return {
    section,
    values: {
      state,
      code: taken('code'),
      productType: taken('product'),
      tenant: taken('tenant'),
      priority: taken('priority'),
    },
    since: SINCE.has(textOf(query.since)) ? textOf(query.since) : '',
    unknown: [...unknownIn(query, others), ...(isSort ? [] : [['sort', sort] as const])],
    from: timeIn(query.from),
    to: timeIn(query.to),
    text: textOf(query.q).trim().slice(0, MAX_TEXT_LENGTH),
    sort: isSort ? sort : 'newest',
    cursor: cursor === '' ? undefined : cursor,
    skipped: /^\d{1,9}$/.test(skipped) ? Number(skipped) : 0,
  };
}

/** Where an address says no list, it means that of the states it asks for. A search alone means all. */
function sectionOf({ show, q }: Readonly<Record<string, unknown>>, states: string[]): Section {
  const shown = textOf(show);
  if (isSection(shown)) return shown;
  const [first, ...others] = new Set(states.map((one) => (isSection(one) ? one : 'running')));
  if (first !== undefined) return others.length === 0 ? first : 'all';
  return textOf(q) === '' ? 'running' : 'all';
}

/** What is wrong with it: nothing is to be searched, or done, then. @param now Redis's time in ms. */
export function queryFault(query: ListQuery, now: number): QueryFault | null {
  if (query.unknown.length > 0) return { of: [], text: describeUnknown(query.unknown) };
  return faultOf(query, sinceMsOf(query, now));
}

/** The later one, where a span and a time say since when. */
function sinceMsOf({ since, from }: ListQuery, now: number): number | null {
  const span = SINCE.get(since);
  const begins = [span && now - span.ms, msOf(from)].filter((ms) => typeof ms === 'number');
  return begins.length === 0 ? null : Math.max(...begins);
}

/** The states that a list is of: those that are asked for, or all of its section. */
export function statesOf({ section, values }: ListQuery): readonly StateFilter[] {
  return values.state.length > 0 ? (values.state as StateFilter[]) : SECTIONS[section];
}

/** Every list is one of some states. */
export type ListFilter = BatchFilter & { state: readonly StateFilter[] };

/** Of a query whose times have no fault. @param now Redis's time in ms. */
export function filterOf(query: ListQuery, now: number): ListFilter {
  const { values, to, text } = query;
  const sinceMs = sinceMsOf(query, now);
  const untilMs = msOf(to);
  const some = (dimension: Dimension) =>
    values[dimension].length > 0 ? values[dimension] : undefined;
  return {
    state: statesOf(query),
    code: some('code') as BatchFilter['code'],
    productType: some('productType'),
    tenant: some('tenant'),
    priority: some('priority') as BatchFilter['priority'],
    since: sinceMs === null ? undefined : new Date(sinceMs),
    until: untilMs === null ? undefined : new Date(untilMs),
    text: text === '' ? undefined : text,
  };
}

/** Whether it asks for less than the whole section. */
export function isNarrowed({ values, since, from, to, text }: ListQuery): boolean {
  return (
    [since, from, to, text].some((one) => one !== '') ||
    DIMENSIONS.some((one) => values[one].length > 0)
  );
}

/** What it asks for, as the fields of a form or the parameters of an address; the place in the list not. */
export function parametersOf(query: ListQuery): [string, string][] {
  const { section, values, since, from, to, text, sort } = query;
  const texts: [string, string][] = [
    ['since', since],
    ['from', from],
    ['to', to],
    ['q', text],
    ['sort', sort === 'newest' ? '' : sort],
  ];
  // One of several that are given is none.
  const isRepeated = query.unknown.some(([name]) => name === 'show');
  const shown: [string, string][] = isRepeated ? [] : [['show', section]];
  return [
    ...shown,
    ...DIMENSIONS.flatMap((one) =>
      values[one].map((value): [string, string] => [PARAMETERS[one], value]),
    ),
    ...texts.filter(([, value]) => value !== ''),
    // So that they do not get lost on the way to where they are told.
    ...query.unknown.map(([name, value]): [string, string] => [name, value]),
  ];
}

/** The address of the list with some of it changed. */
export function listPath(
  query: ListQuery,
  change: Partial<ListQuery> = {},
  place?: { cursor: string; skipped: number },
): string {
  const parameters = new URLSearchParams(parametersOf({ ...query, ...change }));
  if (place) parameters.append('at', place.cursor);
  if (place) parameters.append('skip', String(place.skipped));
  return `${BATCHES_PATH}?${parameters}`;
}

/** A section without any filter. */
export function sectionPath(section: Section): string {
  return `${BATCHES_PATH}?show=${section}`;
}

/** The same with a value more, or less, of one dimension. */
export function toggled(query: ListQuery, dimension: Dimension, value: string): string {
  const before = query.values[dimension];
  const values = before.includes(value)
    ? before.filter((one) => one !== value)
    : [...before, value];
  return listPath(query, { values: { ...query.values, [dimension]: values } });
}

/** The states of batches whose deadline does not run, so that a list by nearest deadline has none of them. */
const WITHOUT_DEADLINE: ReadonlySet<string> = new Set<ListedState>(['queued', 'in-line']);

/** How many of those that fit a list by nearest deadline leaves out. */
export function withoutDeadline({ values }: ListQuery, { state }: BatchCounts): number {
  return state
    .filter(({ value }) => WITHOUT_DEADLINE.has(value))
    .filter(({ value }) => values.state.length === 0 || values.state.includes(value))
    .reduce((sum, { count }) => sum + count, 0);
}
