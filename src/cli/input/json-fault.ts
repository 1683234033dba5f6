/**
 * Where a text stops being JSON. `JSON.parse` says it in words that differ between versions of Node, with a position only
 * sometimes, and quotes the text, which may hold personal data.
 */
import { skipSpace } from '../../json-text.js';

/** What may come next, in the words in which it is missed. One that can end what is open ends with that bracket. */
const VALUE = 'a value';
const VALUE_OR_END = 'a value or "]"';
const KEY = 'a key';
const KEY_OR_END = 'a key or "}"';
const COLON = '":"';
const MORE_VALUES = '"," or "]"';
const MORE_KEYS = '"," or "}"';
const NOTHING = 'nothing more';

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** Letters of a string up to and with an escape: in pieces, so that a long string needs no stack. */
const PIECE = /[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))?/y;
const SHOWN = /^[\p{L}\p{N}\p{P}\p{S}]$/u;

export interface JsonFault {
  /** Both count from 1. */
  line: number;
  column: number;
  /** `expected "," or "]", found "}"` */
  text: string;
}

/** The first place at which a text cannot be JSON any more; undefined when it is JSON. */
export function findJsonFault(text: string): JsonFault | undefined {
  const fault = scan(text);
  if (fault === undefined) return undefined;
  const { at, expected } = fault;
  const lineStart = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
  return {
    line: text.slice(0, lineStart).split('\n').length,
    column: [...text.slice(lineStart, at)].length + 1,
    text: `expected ${expected}, found ${foundAt(text, at)}`,
  };
}

function scan(text: string): { at: number; expected: string } | undefined {
  const open: string[] = [];
  let expected = VALUE;
  let at = 0;
  const afterValue = () => {
    if (open.length === 0) return NOTHING;
    return open.at(-1) === '[' ? MORE_VALUES : MORE_KEYS;
  };
  for (;;) {
    at = skipSpace(text, at);
    const next = text[at];
    if (next === undefined && expected === NOTHING) return undefined;
    const isValue = expected === VALUE || expected === VALUE_OR_END;
    const isKey = expected === KEY || expected === KEY_OR_END;
    if (next === '"' && (isKey || isValue)) {
      at = endOfPieces(text, at + 1);
      if (text[at] === '\\') return { at, expected: 'an escape that JSON has' };
      if (text[at] !== '"') return { at, expected: 'a closing quotation mark' };
      at += 1;
      expected = isKey ? COLON : afterValue();
    } else if ((next === '{' || next === '[') && isValue) {
      open.push(next);
      at += 1;
      expected = next === '[' ? VALUE_OR_END : KEY_OR_END;
    } else if ((next === '}' || next === ']') && expected.endsWith(`"${next}"`)) {
      open.pop();
      at += 1;
      expected = afterValue();
    } else if (next === ',' && (expected === MORE_VALUES || expected === MORE_KEYS)) {
      at += 1;
      expected = expected === MORE_VALUES ? VALUE : KEY;
    } else if (next === ':' && expected === COLON) {
      at += 1;
      expected = VALUE;
    } else {
      const end = isValue ? endOf(SCALAR, text, at) : at;
      if (end === at) return { at, expected };
      at = end;
      expected = afterValue();
    }
  }
}

function endOfPieces(text: string, from: number): number {
  let at = from;
  for (let end = endOf(PIECE, text, at); end > at; end = endOf(PIECE, text, at)) at = end;
  return at;
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}

/** One letter at most: the text may hold personal data. */
function foundAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  if (code === undefined) return 'the end';
  const letter = String.fromCodePoint(code);
  if (letter === '\n' || letter === '\r') return 'a line break';
  if (letter === '\t') return 'a tab';
  if (letter === '"') return 'a quotation mark';
  if (SHOWN.test(letter)) return `"${letter}"`;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
