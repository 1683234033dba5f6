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
import { REASON_CODES } from '../../../../errors.js';
import {
  MAX_PRODUCT_TYPE_LENGTH,
  PRIORITIES,
  TENANT_PATTERN,
} from '../../../../jobs/request/request.js';
import { LISTED_STATES, type ListedState } from '../../../../jobs/state/listed-facts.js';
import { BATCHES_PATH } from '../../dashboard-path.js';
import { faultOf, type ListTimes, msOf, type QueryFault, timeIn } from './list-times.js';

/** The lists that the page offers, and the states of each. */
export const SECTIONS = {
  running: ['running'],
  failed: ['failed'],
  cancelled: ['cancelled'],
  completed: ['completed'],
  all: ['running', 'ended'],
} as const satisfies Record<string, readonly StateFilter[]>;

export type Section = keyof typeof SECTIONS;

/** Times since when, by the value in the address. */
export const SINCE: ReadonlyMap<string, { word: string; ms: number }> = new Map([
  ['15m', { word: '15 minutes', ms: 900_000 }],
  ['1h', { word: 'hour', ms: 3_600_000 }],
  ['12h', { word: '12 hours', ms: 12 * 3_600_000 }],
  ['24h', { word: '24 hours', ms: 24 * 3_600_000 }],
  ['7d', { word: '7 days', ms: 7 * 24 * 3_600_000 }],
]);

/** The parameter of each dimension. */
export const PARAMETERS: Record<Dimension, string> = {
  state: 'state',
  code: 'code',
  productType: 'product',
  tenant: 'tenant',
  priority: 'priority',
};

export interface ListQuery extends ListTimes {
  section: Section;
  /** Values that are asked for, by dimension. */
  values: Record<Dimension, readonly string[]>;
  /** A key of {@link SINCE}; empty for any time. */
  since: string;
  /** Parameters with values that nothing has. */
  unknown: readonly (readonly [name: string, value: string])[];
  text: string;
  sort: BatchSort;
  cursor: string | undefined;
  /** Batches on the pages before. */
  skipped: number;
}

/** What values of each parameter may be. An empty one stands for any; of tenants for none. */
const KNOWN: Record<string, (text: string) => boolean> = {
  show: isSection,
  state: (text) => LISTED_STATES.some((one) => one === text),
  code: (text) => REASON_CODES.some((one) => one === text),
  product: isProductType,
  tenant: (text) => text === '' || TENANT_PATTERN.test(text),
  priority: (text) => PRIORITIES.some((one) => one === text),
  since: (text) => SINCE.has(text),
};
/** More of a value that is not known is not repeated. */
const MAX_REPEATED = 40;

/** Of the values in an address those that can be are taken. What is wrong with the others, {@link queryFault} says. */
export function readListQuery(query: Readonly<Record<string, unknown>>): ListQuery {
  const taken = (name: string) => {
    const isKnown = KNOWN[name];
    return isKnown ? textsOf(query[name]).filter(isKnown) : [];
  };
  const shown = textOf(query.show);
  const section = isSection(shown) ? shown : 'running';
  const sort = SORTS.find((one) => one === query.sort) ?? 'newest';
  const cursor = textOf(query.at);
  const skipped = textOf(query.skip);
  return {
    section: textOf(query.q) !== '' && !isSection(shown) ? 'all' : section,
    values: {
      state: taken('state'),
      code: taken('code'),
      productType: taken('product'),
      tenant: taken('tenant'),
      priority: taken('priority'),
    },
    since: SINCE.has(textOf(query.since)) ? textOf(query.since) : '',
    unknown: unknownIn(query),
    from: timeIn(query.from),
    to: timeIn(query.to),
    text: textOf(query.q).trim().slice(0, MAX_TEXT_LENGTH),
    // Only what has not ended has a deadline.
    sort: sort === 'deadline' && section !== 'running' ? 'newest' : sort,
    cursor: cursor === '' ? undefined : cursor,
    skipped: /^\d{1,9}$/.test(skipped) ? Number(skipped) : 0,
  };
}

function isSection(text: string): text is Section {
  return Object.hasOwn(SECTIONS, text);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): string[] {
  return [...new Set([value ?? []].flat())].filter((one) => typeof one === 'string');
}

/** Parameters that have one value: several would be none. */
const SINGLE = ['show', 'since', 'q'];

/** A filter with what is not known would be a wider one, and an action on all that fit would mean all of that. */
function unknownIn(query: Readonly<Record<string, unknown>>): [string, string][] {
  const repeated = SINGLE.filter((name) => Array.isArray(query[name]));
  const ofRepeated = repeated.flatMap((name) =>
    textsOf(query[name]).map((text): [string, string] => [name, text.slice(0, MAX_REPEATED)]),
  );
  const ofOthers = Object.entries(KNOWN).flatMap(([name, isKnown]) =>
    textsOf(query[name])
      .filter((text) => text !== '' && !isKnown(text))
      .map((text): [string, string] => [name, text.slice(0, MAX_REPEATED)]),
  );
  return [...ofRepeated, ...ofOthers];
}

function isProductType(text: string): boolean {
  return text.length <= 2 * MAX_PRODUCT_TYPE_LENGTH && text !== '' && !/\p{Cc}/u.test(text);
}

/** What is wrong with it: nothing is to be searched, or done, then. @param now Redis's time in ms. */
export function queryFault(query: ListQuery, now: number): QueryFault | null {
  if (query.unknown.length > 0) {
    const named = query.unknown.map(([name, value]) => `${name} “${value}”`);
    return { of: [], text: `Nothing is known as ${named.join(', ')}.` };
  }
  return faultOf(query, sinceMsOf(query, now));
}

/** The later one, where a span and a time say since when. */
function sinceMsOf({ since, from }: ListQuery, now: number): number | null {
  const span = SINCE.get(since);
  const begins = [span && now - span.ms, msOf(from)].filter((ms) => typeof ms === 'number');
  return begins.length === 0 ? null : Math.max(...begins);
}

/** Every list is one of some states. */
export type ListFilter = BatchFilter & { state: readonly StateFilter[] };

/** Of a query whose times have no fault. @param now Redis's time in ms. */
export function filterOf(query: ListQuery, now: number): ListFilter {
  const { section, values, to, text } = query;
  const sinceMs = sinceMsOf(query, now);
  const untilMs = msOf(to);
  const some = (dimension: Dimension) =>
    values[dimension].length > 0 ? values[dimension] : undefined;
  return {
    state: (some('state') ?? SECTIONS[section]) as StateFilter[],
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
  return [
    ['show', section],
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
