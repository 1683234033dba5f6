/** Which batches are meant: the same filter for lists, counts, bulk actions, the command line and the pages. Pure. */
import { REASON_CODES, type ReasonCode, UsageError } from '../../errors.js';
import {
  MAX_PRODUCT_TYPE_LENGTH,
  PRIORITIES,
  type Priority,
  TENANT_PATTERN,
} from '../../jobs/request/request.js';
import {
  LISTED_STATES,
  type ListedFacts,
  type ListedState,
} from '../../jobs/state/listed-facts.js';

/**
 * A state, or several: `waiting` for a worker or in line; `in-flight`: being submitted or processed; `running`:
 * all that have not ended; `ended`: all others.
 */
export type StateFilter = ListedState | 'waiting' | 'in-flight' | 'running' | 'ended';

const STATE_GROUPS: Record<Exclude<StateFilter, ListedState>, readonly ListedState[]> = {
  waiting: ['queued', 'in-line'],
  'in-flight': ['submitting', 'processing'],
  running: ['queued', 'submitting', 'in-line', 'processing'],
  ended: ['completed', 'failed', 'cancelled'],
};

/** Each of them. */
export const STATE_FILTERS: readonly StateFilter[] = [
  ...LISTED_STATES,
  ...(Object.keys(STATE_GROUPS) as (keyof typeof STATE_GROUPS)[]),
];

/** Which batches are meant: those that fit all that is given. Of a list, one value has to fit. */
export interface BatchFilter {
  /** Their state. `failed` leaves out what somebody cancelled. */
  state?: StateFilter | readonly StateFilter[] | undefined;
  /** Why they failed. */
  code?: ReasonCode | readonly ReasonCode[] | undefined;
  /** Their product type, as in the request. */
  productType?: string | readonly string[] | undefined;
  /** Whose they are. The empty text means those that name no tenant. */
  tenant?: string | readonly string[] | undefined;
  /** Their priority. */
  priority?: Priority | readonly Priority[] | undefined;
  /** Those that ended then or later; of one that has not ended, when it was added counts. */
  since?: Date | undefined;
  /** Those that ended then or earlier; of one that has not ended, when it was added counts. */
  until?: Date | undefined;
  /**
   * What is in the reference, in the id of a document or in its S3 location, whatever the case of the letters a to
   * z (of others, as É, the case counts); or the whole id of an Atlas batch.
   */
  text?: string | undefined;
}

/** The options of a filter, by name. */
export const FILTER_OPTIONS = [
  'state',
  'code',
  'productType',
  'tenant',
  'priority',
  'since',
  'until',
  'text',
] as const;

/** A filter that was checked: null for what is not asked for. */
export interface CheckedFilter {
  states: ReadonlySet<ListedState> | null;
  codes: readonly ReasonCode[] | null;
  productTypes: readonly string[] | null;
  tenants: readonly string[] | null;
  priorities: readonly Priority[] | null;
  sinceMs: number | null;
  untilMs: number | null;
  text: string | null;
}

/** Longer than any reference, S3 key or id that is searched for. */
export const MAX_TEXT_LENGTH = 1200;

/** @throws UsageError that names the option that is wrong. */
export function checkFilter(filter: BatchFilter): CheckedFilter {
  const { since, until, text } = filter;
  const states = listOf('state', filter.state, STATE_FILTERS);
  const sinceMs = timeOf('since', since);
  const untilMs = timeOf('until', until);
  if (sinceMs !== null && untilMs !== null && sinceMs > untilMs)
    throw new UsageError('since must not be later than until');
  const searched = text === undefined ? null : textOf(text);
  return {
    states: states && new Set(states.flatMap(statesOf)),
    codes: listOf('code', filter.code, REASON_CODES),
    productTypes: textsOf('productType', filter.productType, isProductType),
    tenants: textsOf('tenant', filter.tenant, isTenant),
    priorities: listOf('priority', filter.priority, PRIORITIES),
    sinceMs,
    untilMs,
    text: searched === '' ? null : searched,
  };
}

function statesOf(state: StateFilter): readonly ListedState[] {
  return Object.hasOwn(STATE_GROUPS, state)
    ? STATE_GROUPS[state as keyof typeof STATE_GROUPS]
    : [state as ListedState];
}

function valuesOf(value: unknown): readonly unknown[] | null {
  if (value === undefined) return null;
  return Array.isArray(value) ? value : [value];
}

function listOf<T extends string>(name: string, value: unknown, known: readonly T[]): T[] | null {
  return (
    valuesOf(value)?.map((one) => {
      if (known.some((word) => word === one)) return one as T;
      throw new UsageError(`${name} is one of ${known.join(', ')}`);
    }) ?? null
  );
}

function textsOf(
  name: string,
  value: unknown,
  isValid: (text: string) => boolean,
): string[] | null {
  return (
    valuesOf(value)?.map((one) => {
      if (typeof one === 'string' && isValid(one)) return one;
      throw new UsageError(`${name} names one that no batch can have`);
    }) ?? null
  );
}

function isProductType(text: string): boolean {
  return text.length > 0 && text.length <= 2 * MAX_PRODUCT_TYPE_LENGTH && !/\p{Cc}/u.test(text);
}

function isTenant(text: string): boolean {
  return text === '' || TENANT_PATTERN.test(text);
}

function timeOf(name: string, time: unknown): number | null {
  if (time === undefined) return null;
  if (time instanceof Date && !Number.isNaN(time.getTime())) return time.getTime();
  throw new UsageError(`${name} must be a Date`);
}

function textOf(text: unknown): string {
  if (typeof text === 'string' && text.length <= MAX_TEXT_LENGTH) return text.trim().toWellFormed();
  throw new UsageError(`text must be text of at most ${MAX_TEXT_LENGTH} characters`);
}

/** One of the values by which batches are counted. */
export type Dimension = 'state' | 'code' | 'productType' | 'tenant' | 'priority';

/** In the order of the facts. */
export const DIMENSIONS: readonly Dimension[] = [
  'state',
  'code',
  'productType',
  'tenant',
  'priority',
];

/** Values that pass, by dimension in their order; null for all. */
export function passOf(filter: CheckedFilter): (readonly string[] | null)[] {
  const { states, codes, productTypes, tenants, priorities } = filter;
  return [states && [...states], codes, productTypes, tenants, priorities];
}

/** Whether facts fit what is asked of all dimensions but one. */
export function fits(facts: ListedFacts, filter: CheckedFilter, except?: Dimension): boolean {
  const pass = passOf(filter);
  return DIMENSIONS.every(
    (dimension, i) => dimension === except || (pass[i]?.includes(facts[dimension]) ?? true),
  );
}
