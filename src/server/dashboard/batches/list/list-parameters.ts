/** The parameters of the address of the list of batches, and what their values may be. Pure. */
import type { Dimension, StateFilter } from '../../../../batches/lists/batch-filter.js';
import { type BatchSort, SORTS } from '../../../../batches/lists/batch-sets.js';
import { REASON_CODES } from '../../../../errors.js';
import {
  MAX_PRODUCT_TYPE_LENGTH,
  PRIORITIES,
  TENANT_PATTERN,
} from '../../../../jobs/request/request.js';
import { LISTED_STATES } from '../../../../jobs/state/listed-facts.js';
import { nearestName } from '../../../nearest-name.js';

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

/** What values of each parameter may be. An empty one stands for any; of tenants for none. */
export const KNOWN: Record<string, (text: string) => boolean> = {
  show: isSection,
  state: (text) => LISTED_STATES.some((one) => one === text),
  code: (text) => REASON_CODES.some((one) => one === text),
  product: isProductType,
  tenant: (text) => text === '' || TENANT_PATTERN.test(text),
  priority: (text) => PRIORITIES.some((one) => one === text),
  since: (text) => SINCE.has(text),
  sort: (text) => SORTS.some((one) => one === text),
};
/** More of a value that is not known is not repeated. */
const MAX_REPEATED = 40;

/** The orders of a list: only what has not ended has a deadline. */
export function sortsOf(section: Section): readonly BatchSort[] {
  return section === 'running' ? SORTS : SORTS.filter((sort) => sort !== 'deadline');
}

export function isSection(text: string): text is Section {
  return Object.hasOwn(SECTIONS, text);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function textsOf(value: unknown): string[] {
  return [...new Set(allTextsOf(value))];
}

function allTextsOf(value: unknown): string[] {
  return [value ?? []].flat().filter((one) => typeof one === 'string');
}

/** Parameters that have one value: several would be none. */
const SINGLE = ['show', 'since', 'q', 'sort', 'at', 'skip'];

/** Of the list. `done` is in addresses to which earlier versions have led, and says nothing. */
const NAMES = [...Object.keys(KNOWN), ...SINGLE, 'from', 'to', 'done'];

/** A parameter, and what somebody has written for it. */
export type Given = readonly [name: string, value: string];

/**
 * What an address says and nobody can do. A filter without it would be a wider one, and an action on all that fit would
 * mean all of that. @param others Names that are known beside those of the list.
 */
export function unknownIn(
  query: Readonly<Record<string, unknown>>,
  others: readonly string[],
): Given[] {
  const isUnknown = (name: string, text: string) => {
    if (![...NAMES, ...others].includes(name)) return true;
    if (SINGLE.includes(name) && Array.isArray(query[name])) return true;
    return text !== '' && KNOWN[name]?.(text) === false;
  };
  // One that was given twice is told by both, also where they are the same.
  return Object.keys(query).flatMap((name) =>
    (SINGLE.includes(name) ? allTextsOf : textsOf)(query[name])
      .filter((text) => isUnknown(name, text))
      .map((text): Given => [name.slice(0, MAX_REPEATED), text.slice(0, MAX_REPEATED)]),
  );
}

/** What is wrong with what {@link unknownIn} has found, in sentences; empty where nothing is. */
export function describeUnknown(unknown: readonly Given[]): string {
  const valuesOf = (name: string) => unknown.filter(([of]) => of === name).map(([, one]) => one);
  const misspelt = misspeltIn(unknown);
  const repeated = [...new Set(unknown.map(([name]) => name))].filter(
    (name) => SINGLE.includes(name) && valuesOf(name).length > 1,
  );
  const isTold = (name: string) => misspelt.includes(name) || repeated.includes(name);
  // There is such an order, of another list.
  const ofRunning = unknown.filter(
    ([name, value]) => name === 'sort' && KNOWN.sort?.(value) && !isTold(name),
  );
  const others = unknown.filter((one) => !isTold(one[0]) && !ofRunning.includes(one));
  return [
    ...describeMisspelt(misspelt),
    ...repeated.map((name) => {
      const values = valuesOf(name).map((one) => `“${one}”`);
      return `${name} is given more than once: ${values.join(', ')}.`;
    }),
    ...ofRunning.map(([name, value]) => `${name} “${value}” is for running batches alone.`),
    ...(others.length > 0
      ? [`Nothing is known as ${others.map(([name, value]) => `${name} “${value}”`).join(', ')}.`]
      : []),
  ].join(' ');
}

/** Names that are none. */
export function misspeltIn(unknown: readonly Given[]): string[] {
  return [...new Set(unknown.map(([name]) => name))].filter((name) => !NAMES.includes(name));
}

/** A sentence for each. @param known Those of the page. */
export function describeMisspelt(
  names: readonly string[],
  known: readonly string[] = NAMES,
): string[] {
  return names.map((name) => {
    const shown = name.slice(0, MAX_REPEATED);
    const meant = nearestName(shown, known);
    return `There is no parameter “${shown}”${meant ? `; did you mean ${meant}?` : '.'}`;
  });
}

function isProductType(text: string): boolean {
  return text.length <= 2 * MAX_PRODUCT_TYPE_LENGTH && text !== '' && !/\p{Cc}/u.test(text);
}
