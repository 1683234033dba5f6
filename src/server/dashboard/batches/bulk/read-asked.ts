/** What the form of an action on many batches asks for. Pure. */
import {
  type BulkAction,
  type BulkSelection,
  checkSelection,
} from '../../../../batches/bulk/selection.js';
import type { StateFilter } from '../../../../batches/lists/batch-filter.js';
import { UsageError } from '../../../../errors.js';
import { REFERENCE_PATTERN } from '../../../../jobs/ids.js';
import { plural } from '../../../../plural.js';
import { BATCHES_PATH } from '../../dashboard-path.js';
import { describeMisspelt, misspeltIn } from '../list/list-parameters.js';
import {
  filterOf,
  type ListFilter,
  type ListQuery,
  listPath,
  parametersOf,
  queryFault,
  readListQuery,
} from '../list/list-query.js';
import { wordsOf } from '../list/list-times.js';
import { GIVEN_UP } from './bulk-page.js';

/** Fields of its forms, beside those of the list. */
const FIELDS = [
  ...['action', 'which', 'redeliver', 'ref'],
  ...['asked-at', 'until', 'total', 'rate', 'reason'],
];
/** More are not on one page. */
const MAX_SELECTED = 100;

const ENDED: ReadonlySet<StateFilter> = new Set(['completed', 'failed', 'cancelled', 'ended']);

export type Query = Readonly<Record<string, unknown>>;

export interface Asked {
  action: BulkAction;
  query: ListQuery;
  references: string[] | null;
  /** Of the events that were given up there is nothing to select. */
  selection: BulkSelection | typeof GIVEN_UP;
}

export function thingsOf({ selection }: Asked): 'batches' | 'events' {
  return selection === GIVEN_UP ? 'events' : 'batches';
}

/** The button of another action than the first of its form has the name of that action. */
export function withButton(values: Query): Query {
  const { redeliver } = values;
  return redeliver === undefined ? values : { ...values, action: 'redeliver', which: redeliver };
}

interface AskedTimes {
  /** When somebody saw the list, by the clock of Redis: what ended in the last hour is told from there. */
  askedAtMs: number;
  /** Until when the preview has counted; not known before it. */
  untilMs?: number;
}

/** Null when it makes no sense, as an address that somebody has changed. */
export function readAsked(
  values: Query,
  { askedAtMs, untilMs }: AskedTimes,
  isSelected: boolean,
): Asked | null {
  const { action } = values;
  if (action !== 'retry' && action !== 'cancel' && action !== 'redeliver') return null;
  const query = readListQuery(values, FIELDS);
  if (queryFault(query, askedAtMs) !== null) return null;
  if (values.which === GIVEN_UP) {
    const whole = { query: readListQuery({}), references: null, selection: GIVEN_UP } as const;
    return action === 'redeliver' ? { action, ...whole } : null;
  }
  const given = [values.ref ?? []].flat();
  const references = isSelected
    ? given
        .filter((one): one is string => typeof one === 'string' && REFERENCE_PATTERN.test(one))
        .slice(0, MAX_SELECTED)
    : null;
  const selection: BulkSelection = references
    ? { references }
    : endingAt(filterFor(action, query, askedAtMs), untilMs);
  try {
    checkSelection(action, selection);
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
  return { action, query, references, selection };
}

/** Where the preview has ended, and no later than what was asked for. */
function endingAt(filter: ListFilter, untilMs: number | undefined): ListFilter {
  if (untilMs === undefined) return filter;
  const lastMs = filter.until?.getTime() ?? untilMs;
  return { ...filter, until: new Date(Math.min(untilMs, lastMs)) };
}

/** The error of a form that nothing is done about: it names what there is not, and repeats no value. */
export function errorFor(values: Query): string {
  const misspelt = describeMisspelt(misspeltIn(readListQuery(values, FIELDS).unknown));
  return misspelt.length > 0 ? misspelt.join(' ') : 'Bad Request';
}

/** The list says what is wrong with an address. */
export function wayBack(values: Query, now: number): string {
  const query = readListQuery(values, FIELDS);
  return queryFault(query, now) === null ? BATCHES_PATH : listPath(query);
}

/** Of the list of all batches, those that have ended have an event. */
function filterFor(action: BulkAction, query: ListQuery, askedAtMs: number): ListFilter {
  const filter = filterOf(query, askedAtMs);
  if (action !== 'redeliver') return filter;
  const states = [filter.state ?? []].flat();
  return { ...filter, state: states.filter((state) => ENDED.has(state)) };
}

/** As an address is parsed: a text, or a list of what is given several times. */
export function valuesOf(form: URLSearchParams): Query {
  const names = [...new Set(form.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

/** `failed, product LOAN_APP` */
export function inWords({ action, query, references, selection }: Asked): string {
  if (selection === GIVEN_UP) return 'given up';
  if (references) return `${plural(references.length, 'selected batch', 'selected batches')}`;
  return parametersOf({ ...query, sort: 'newest' })
    .map(([name, value]) => {
      if (name === 'from' || name === 'to') return `${name} ${wordsOf(value)}`;
      if (name !== 'show') return `${name === 'q' ? 'with' : name} ${value || 'none'}`;
      return action === 'redeliver' && value === 'all' ? 'all that have ended' : value;
    })
    .join(', ');
}
