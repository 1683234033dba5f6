/**
 * The raw text of every `file_data` in a page of extracts, and numbers as they were written.
 *
 * `JSON.parse` loses what an extract must keep: a number of twenty digits, the zero of `1.10`. So the text
 * is read twice. `JSON.parse` proves that it is JSON. Then a walk finds where the parts begin and end.
 */
import { isObject } from '../../json.js';
import { endOfValue, skipSpace, walkArray, walkObject } from '../../json-text.js';
import { parseNearlyJson } from './nearly-json.js';

const OPEN_BRACE = 0x7b;
/** Longer ones are no ids, and reading them costs the square of their length. */
const MAX_DIGITS = 300;

/** Whether it is an item of a page. */
export function isPageItem(value: unknown): boolean {
  return (
    isObject(value) && !Array.isArray(value) && ('document_id' in value || 'file_data' in value)
  );
}

/** Some serializers write an empty list as an empty object. */
function isPageObject(value: unknown): boolean {
  if (!isObject(value) || Array.isArray(value) || isPageItem(value)) return false;
  return Object.keys(value).length > 0;
}

export interface RawPage {
  /** The page object as `JSON.parse` reads it, without what it is wrapped in. */
  page: unknown;
  /** The exact text of each item's `file_data`; undefined where the item has none. */
  fileData: (string | undefined)[];
  /** By position of the item: ids that are whole numbers and more than a double holds. */
  longIds: Map<number, bigint>;
  /** Positions of the items in whose `file_data` a `NaN` or `Infinity` became `null`. */
  mended: Set<number>;
}

/**
 * Reads a page whose list stands at `data`, or at `data.data` when the page object is wrapped. An item
 * in its place is a list of one. `fileData` is empty when there is no list.
 * Of a key that is repeated in one object the last counts, as in `JSON.parse`.
 * Throws SyntaxError when the text is not one whole JSON value, and not nearly one.
 */
export function parseRawPage(body: string): RawPage {
  const { value, text, mended: places } = parseNearlyJson(body);
  let fileData: RawPage['fileData'] = [];
  let mended: RawPage['mended'] = new Set();
  const longIds: RawPage['longIds'] = new Map();
  let nextPlace = 0;

  const readItem = (at: number): number => {
    let slice: string | undefined;
    const end = walkObject(text, at, (key, from) => {
      const to = endOfValue(text, from);
      if (key === 'document_id') {
        const id = longNumber(text.slice(from, to));
        if (id === undefined) longIds.delete(fileData.length);
        else longIds.set(fileData.length, id);
      }
      if (key === 'file_data') {
        slice = text.slice(from, to);
        // Both go up: no place is met twice.
        while ((places[nextPlace] ?? to) < from) nextPlace += 1;
        if ((places[nextPlace] ?? to) < to) mended.add(fileData.length);
      }
      return to;
    });
    fileData.push(slice);
    return end;
  };
  const readList = (at: number): number => {
    fileData = [];
    mended = new Set();
    longIds.clear();
    return text.charCodeAt(at) === OPEN_BRACE ? readItem(at) : walkArray(text, at, readItem);
  };
  const wrapped = isObject(value) && isPageObject(value.data) ? value.data : undefined;
  const readData = (at: number): number => {
    fileData = [];
    if (wrapped === undefined || text.charCodeAt(at) !== OPEN_BRACE) return readList(at);
    return walkObject(text, at, (key, from) =>
      key === 'data' ? readList(from) : endOfValue(text, from),
    );
  };
  walkObject(text, skipSpace(text, 0), (key, from) =>
    key === 'data' ? readData(from) : endOfValue(text, from),
  );
  return { page: wrapped ?? value, fileData, longIds, mended };
}

/**
 * The value of `key` in the object itself, or else in the `data` in it; undefined or null without one. A whole number
 * that a double does not hold is a bigint.
 * Throws SyntaxError when the text is not one whole JSON value, and not nearly one.
 */
export function parseMember(body: string, key: string): unknown {
  const { value, text } = parseNearlyJson(body);
  // Some serializers write what stands elsewhere as null.
  const isOutside = isObject(value) && (value[key] ?? null) !== null;
  const holder = isOutside || !isObject(value) ? value : value.data;
  if (!isObject(holder)) return undefined;
  let long: bigint | undefined;
  const readMember = (name: string, from: number): number => {
    const to = endOfValue(text, from);
    if (name === key) long = longNumber(text.slice(from, to));
    return to;
  };
  walkObject(text, skipSpace(text, 0), (name, from) => {
    if (isOutside) return readMember(name, from);
    return name === 'data' ? walkObject(text, from, readMember) : endOfValue(text, from);
  });
  return typeof holder[key] === 'number' ? (long ?? holder[key]) : holder[key];
}

/** A whole number that a double does not hold. */
function longNumber(text: string): bigint | undefined {
  if (text.length > MAX_DIGITS || !/^-?\d+$/.test(text)) return undefined;
  return Number.isSafeInteger(Number(text)) ? undefined : BigInt(text);
}
