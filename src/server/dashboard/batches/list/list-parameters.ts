/** The parameters of the address of the list of batches, and what their values may be. Pure. */
import type { Dimension, StateFilter } from '../../../../batches/lists/batch-filter.js';
import { REASON_CODES } from '../../../../errors.js';
import {
  MAX_PRODUCT_TYPE_LENGTH,
  PRIORITIES,
  TENANT_PATTERN,
} from '../../../../jobs/request/request.js';
import { LISTED_STATES } from '../../../../jobs/state/listed-facts.js';

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
};
/** More of a value that is not known is not repeated. */
const MAX_REPEATED = 40;

export function isSection(text: string): text is Section {
  return Object.hasOwn(SECTIONS, text);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function textsOf(value: unknown): string[] {
  return [...new Set([value ?? []].flat())].filter((one) => typeof one === 'string');
}

/** Parameters that have one value: several would be none. */
const SINGLE = ['show', 'since', 'q'];

/** A filter with what is not known would be a wider one, and an action on all that fit would mean all of that. */
export function unknownIn(query: Readonly<Record<string, unknown>>): [string, string][] {
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
