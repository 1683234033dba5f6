/**
 * The raw text of every `file_data` in a page of extracts.
 *
 * `JSON.parse` loses what an extract must keep: a number of twenty digits, the zero of `1.10`. So
 * the page is read twice. `JSON.parse` proves that it is JSON. Then a walk finds where each
 * `file_data` begins and ends; because of the proof it only has to recognise strings and brackets.
 * Both are linear.
 *
 * `NaN` and `Infinity` are no JSON, but some serializers write them. They become `null` first.
 */
import { isObject } from '../json.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What no JSON has as a value; a string is skipped as a whole. */
const NOT_A_NUMBER = /"|-?(?:NaN|Infinity)/g;
const ANY_NOT_A_NUMBER = /NaN|Infinity/;

/** The text with `null` in the place of what is no number, and where these stand now. */
function mendNumbers(text: string): { text: string; mended: number[] } {
  const pieces: string[] = [];
  const mended: number[] = [];
  let from = 0;
  let length = 0;
  NOT_A_NUMBER.lastIndex = 0;
  for (let found = NOT_A_NUMBER.exec(text); found; found = NOT_A_NUMBER.exec(text)) {
    if (found[0] === '"') {
      const end = endOfString(text, found.index);
      if (end === 0) break;
      NOT_A_NUMBER.lastIndex = end;
      continue;
    }
    const before = text.slice(from, found.index);
    mended.push(length + before.length);
    pieces.push(before, 'null');
    length += before.length + 'null'.length;
    from = NOT_A_NUMBER.lastIndex;
  }
  return { text: pieces.join('') + text.slice(from), mended };
}

/** @throws SyntaxError when the text is not one whole JSON value, apart from its numbers. */
function parseMending(text: string): { value: unknown; text: string; mended: number[] } {
  try {
    return { value: JSON.parse(text), text, mended: [] };
  } catch (error) {
    if (!ANY_NOT_A_NUMBER.test(text)) throw error;
    const mending = mendNumbers(text);
    return { value: JSON.parse(mending.text), ...mending };
  }
}

/** Whether it is an item of a page. */
export function isPageItem(value: unknown): boolean {
  return (
    isObject(value) && !Array.isArray(value) && ('document_id' in value || 'file_data' in value)
  );
}

export interface RawPage {
  /** The whole text as `JSON.parse` reads it, for ids and paging. */
  value: unknown;
  /** The exact text of each item's `file_data`; undefined where the item has none. */
  fileData: (string | undefined)[];
  /** Positions of the items in whose `file_data` a `NaN` or `Infinity` became `null`. */
  mended: Set<number>;
}

/**
 * Reads a page whose list stands at `data`, or at `data.data` when the page object is wrapped. An item
 * in its place is a list of one. `fileData` is empty when there is no list.
 * Of a key that is repeated in one object the last counts, as in `JSON.parse`.
 * Throws SyntaxError when the text is not one whole JSON value.
 */
export function parseRawPage(body: string): RawPage {
  const { value, text, mended: places } = parseMending(body);
  let fileData: RawPage['fileData'] = [];
  let mended: RawPage['mended'] = new Set();
  let nextPlace = 0;

  const readItem = (at: number): number => {
    let slice: string | undefined;
    const end = walkObject(text, at, (key, from) => {
      const to = endOfValue(text, from);
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
    return text.charCodeAt(at) === OPEN_BRACE ? readItem(at) : walkArray(text, at, readItem);
  };
  const isWrapped = isObject(value) && isObject(value.data) && !isPageItem(value.data);
  const readData = (at: number): number => {
    fileData = [];
    if (!isWrapped || text.charCodeAt(at) !== OPEN_BRACE) return readList(at);
    return walkObject(text, at, (key, from) =>
      key === 'data' ? readList(from) : endOfValue(text, from),
    );
  };
  walkObject(text, skipSpace(text, 0), (key, from) =>
    key === 'data' ? readData(from) : endOfValue(text, from),
  );
  return { value, fileData, mended };
}

/**
 * Calls `member` with each key and where its value begins; it returns where the value ends. A value
 * that is no object is skipped. Returns where the object ends.
 */
function walkObject(
  text: string,
  at: number,
  member: (key: string, from: number) => number,
): number {
  if (text.charCodeAt(at) !== OPEN_BRACE) return endOfValue(text, at);
  let next = skipSpace(text, at + 1);
  while (text.charCodeAt(next) !== CLOSE_BRACE) {
    const keyEnd = endOfString(text, next);
    const colon = skipSpace(text, keyEnd);
    const end = member(keyAt(text, next, keyEnd), skipSpace(text, colon + 1));
    next = skipSeparator(text, end);
  }
  return next + 1;
}

/** The same for the elements of an array. */
function walkArray(text: string, at: number, element: (from: number) => number): number {
  if (text.charCodeAt(at) !== OPEN_BRACKET) return endOfValue(text, at);
  let next = skipSpace(text, at + 1);
  while (text.charCodeAt(next) !== CLOSE_BRACKET) {
    next = skipSeparator(text, element(next));
  }
  return next + 1;
}

function keyAt(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes('\\') ? String(JSON.parse(text.slice(start, end))) : inner;
}

function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfScalar(text, at);
  let depth = 0;
  let next = at;
  do {
    const code = text.charCodeAt(next);
    if (code === QUOTE) {
      next = endOfString(text, next);
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    next += 1;
  } while (depth > 0);
  return next;
}

/** A number or a literal ends where a separator, a bracket or the text does. */
function endOfScalar(text: string, at: number): number {
  let next = at;
  while (next < text.length) {
    const code = text.charCodeAt(next);
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break;
    next += 1;
  }
  return next;
}

/** The closing quote is the first one after an even number of backslashes. */
function endOfString(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let first = quote;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (quote - first) % 2 === 1;
}

function skipSeparator(text: string, at: number): number {
  const next = skipSpace(text, at);
  return text.charCodeAt(next) === COMMA ? skipSpace(text, next + 1) : next;
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next += 1;
  return next;
}

/** JSON's four white-space characters. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
