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
  ...['confirmation', 'asked-at', 'until', 'total', 'rate', 'reason'],
];
const ACTIONS: readonly BulkAction[] = ['retry', 'cancel', 'redeliver'];
/** What it is done to: those that are selected, all that fit the list, or the events that were given up. */
const WHICH = ['selected', 'all', GIVEN_UP] as const;
/** More are not on one page. */
const MAX_SELECTED = 100;

/** States of batches that have an event. */
export const ENDED: ReadonlySet<StateFilter> = new Set([
  'completed',
  'failed',
  'cancelled',
  'ended',
]);

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

/**
 * Null when the filter makes no sense, as in an address that somebody has changed: the list says why.
 * @throws UsageError for anything else that makes none. It repeats no value.
 */
export function readAsked(values: Query, { askedAtMs, untilMs }: AskedTimes): Asked | null {
  const query = readListQuery(values, FIELDS);
  if (queryFault(query, askedAtMs) !== null) return null;
  const action = oneOf('action', ACTIONS, values.action);
  const which = oneOf(values.redeliver === undefined ? 'which' : 'redeliver', WHICH, values.which);
  if (which === GIVEN_UP) {
    if (action !== 'redeliver')
      throw new UsageError('Events that were given up can be redelivered, and nothing else.');
    return { action, query: readListQuery({}), references: null, selection: GIVEN_UP };
  }
  const references = which === 'selected' ? selectedIn(values) : null;
  const selection: BulkSelection = references
    ? { references }
    : endingAt(filterFor(action, query, askedAtMs), untilMs);
  checkSelection(action, selection);
  return { action, query, references, selection };
}

/** @throws UsageError for a word that there is not. Taken for another one, the action would be a wider one. */
function oneOf<T extends string>(name: string, words: readonly T[], value: unknown): T {
  const word = words.find((one) => one === value);
  if (word === undefined) throw new UsageError(`${name} is one of ${words.join(', ')}.`);
  return word;
}

function selectedIn({ ref }: Query): string[] {
  const references = [ref ?? []]
    .flat()
    .filter((one): one is string => typeof one === 'string' && REFERENCE_PATTERN.test(one));
  if (references.length === 0)
    throw new UsageError('Nothing is selected: choose batches in the list first.');
  return references.slice(0, MAX_SELECTED);
}

/** As `newRunId` makes them. */
const RUN_ID = /^[\w-]{12}$/;

/**
 * The id that the page before the action has given it; undefined from the page of an earlier version.
 * @throws UsageError for what is no id.
 */
export function runIdIn({ confirmation }: Query): string | undefined {
  if (confirmation === undefined) return undefined;
  if (typeof confirmation === 'string' && RUN_ID.test(confirmation)) return confirmation;
  throw new UsageError('confirmation is none of a page that asks for one.');
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
  const given = names.map((name) => {
    const values = form.getAll(name);
    return [name, values.length === 1 ? values[0] : values] as const;
  });
  // The page of an earlier version does not say it, while servers are replaced.
  return { which: form.has('ref') ? 'selected' : 'all', ...Object.fromEntries(given) };
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
