/**
 * JSON that is not quite: a `NaN`, a comma after the last member, a warning before or after it, the whole
 * body twice, or as a string. What can be read in one way only is read. All else is no JSON, above all
 * what ends too early.
 */
import { endOfString } from '../../json-text.js';
import { JsonTooLargeError, parseLargeJson } from './large-json.js';

/** What no JSON has outside of its strings; a string is skipped as a whole. */
const NO_JSON = /"|-?(?:NaN|Infinity)|,(?=\s*[\]}])/g;
const ANY_NO_JSON = /NaN|Infinity|,\s*[\]}]/;
/** An object begins so. A brace in the text before it hardly does. */
const OBJECT_START = /\{\s*"/;
/** What stands in its scripts was not written for us. */
const WEB_PAGE = /^\s*<(!doctype|html)\b/i;
const BRACE = /["{}]/g;
/** What comes after a member of an object or a list. */
const PART_FOLLOWS = /^\s*[,\]}]/;

export interface NearlyJson {
  value: unknown;
  /** JSON without its faults: what to read the parts of the value from. */
  text: string;
  /** Where in `text` a `null` stands in the place of what is no number, ascending. */
  mended: number[];
}

/**
 * @throws SyntaxError when the text is not one whole JSON value, or can be read in several ways;
 *   JsonTooLargeError.
 */
export function parseNearlyJson(body: string): NearlyJson {
  const whole = parseMending(body);
  if (whole !== undefined && typeof whole.value !== 'string') return whole;
  const inner = typeof whole?.value === 'string' ? whole.value : objectIn(body);
  const read = parseMending(inner) ?? whole;
  if (read === undefined) throw new SyntaxError('the text is not JSON');
  return read;
}

/** From here on most values are left as text. What a smaller text makes of itself is soon garbage. */
const LARGE_LENGTH = 1024 * 1024;

function parse(text: string): unknown {
  return text.length > LARGE_LENGTH ? parseLargeJson(text) : JSON.parse(text);
}

function parseMending(text: string): NearlyJson | undefined {
  try {
    return { value: parse(text), text, mended: [] };
  } catch (error) {
    if (error instanceof JsonTooLargeError) throw error;
    if (!ANY_NO_JSON.test(text)) return undefined;
  }
  const mending = mend(text);
  try {
    return { value: parse(mending.text), ...mending };
  } catch (error) {
    if (error instanceof JsonTooLargeError) throw error;
    return undefined;
  }
}

/** The text with `null` in the place of what is no number, without commas after a last member. */
function mend(text: string): { text: string; mended: number[] } {
  const pieces: string[] = [];
  const mended: number[] = [];
  let from = 0;
  let length = 0;
  NO_JSON.lastIndex = 0;
  for (let found = NO_JSON.exec(text); found; found = NO_JSON.exec(text)) {
    if (found[0] === '"') {
      const end = endOfString(text, found.index);
      if (end === 0) break;
      NO_JSON.lastIndex = end;
      continue;
    }
    const before = text.slice(from, found.index);
    const instead = found[0] === ',' ? '' : 'null';
    length += before.length;
    if (instead !== '') mended.push(length);
    pieces.push(before, instead);
    length += instead.length;
    from = NO_JSON.lastIndex;
  }
  return { text: pieces.join('') + text.slice(from), mended };
}

/**
 * The object that stands in a text, once or several times the same; empty when there is none, or another
 * one, or it is a part of something of which the start is lost.
 */
function objectIn(text: string): string {
  if (WEB_PAGE.test(text)) return '';
  let object = '';
  let rest = text;
  for (let start = rest.search(OBJECT_START); start >= 0; start = rest.search(OBJECT_START)) {
    const end = endOfObject(rest, start);
    const found = rest.slice(start, end);
    rest = rest.slice(end);
    if (found === '' || (object !== '' && found !== object) || PART_FOLLOWS.test(rest)) return '';
    object = found;
  }
  return object;
}

/** Where an object that begins at `start` ends, in a text that need not be JSON; `start` if it does not. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  BRACE.lastIndex = start;
  for (let found = BRACE.exec(text); found; found = BRACE.exec(text)) {
    if (found[0] === '{') depth += 1;
    else if (found[0] === '}') depth -= 1;
    else {
      const end = endOfString(text, found.index);
      if (end === 0) break;
      BRACE.lastIndex = end;
    }
    if (depth === 0) return BRACE.lastIndex;
  }
  return start;
}
