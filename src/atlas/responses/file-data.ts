/**
 * Which `file_data` is an extract: an object that has something in it, or a list that has such an object. Some
 * services write their JSON into a text; it is taken as what stands in that. All else (`false`, a number,
 * a word, `[null]`) says that nothing was extracted, whatever the service meant by it.
 *
 * It is decided by the raw text: of a large page no values are made.
 */
import { endOfValue, skipSpace, walkArray } from '../../json-text.js';
import { parseLargeJson } from './large-json.js';

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;

/** The JSON text of an extract, or why it is none. */
export type FileData = { extract: string } | { why: string };

/** @param text JSON, without blanks around it. */
export function readFileData(text: string): FileData {
  if (text.charCodeAt(0) !== QUOTE) return hasObject(text) ? { extract: text } : refuse(text);
  const inner = String(JSON.parse(text)).trim();
  if (inner === '') return { why: 'its file_data is empty' };
  return isJson(inner) && hasObject(inner)
    ? { extract: inner }
    : { why: 'its file_data is a text, and no object' };
}

function refuse(text: string): FileData {
  if (text === 'null') return { why: 'its file_data is null' };
  if (/^(?:\{\s*\}|\[\s*\])$/.test(text)) return { why: 'its file_data is empty' };
  const isList = text.charCodeAt(0) === OPEN_BRACKET;
  return { why: `its file_data is ${isList ? 'a list without an object' : 'no object'}` };
}

/** Whether it is one, or a list with one, that has something in it. */
function hasObject(text: string): boolean {
  if (text.charCodeAt(0) !== OPEN_BRACKET) return isFilledObject(text, 0);
  let found = false;
  walkArray(text, 0, (from) => {
    found ||= isFilledObject(text, from);
    return endOfValue(text, from);
  });
  return found;
}

function isFilledObject(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== OPEN_BRACE) return false;
  return text.charCodeAt(skipSpace(text, at + 1)) !== CLOSE_BRACE;
}

/** Judged without the values in it, which may take twenty times the memory of the text. */
function isJson(text: string): boolean {
  try {
    parseLargeJson(text);
    return true;
  } catch {
    return false;
  }
}
