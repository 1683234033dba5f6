/**
 * Where the parts of a JSON text begin and end. The text has to be JSON, which `JSON.parse` has proven: so
 * it is enough to recognise strings and brackets. All of it is linear.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Calls `member` with each key and where its value begins; it returns where the value ends. A value
 * that is no object is skipped. Returns where the object ends.
 */
export function walkObject(
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
export function walkArray(text: string, at: number, element: (from: number) => number): number {
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

export function endOfValue(text: string, at: number): number {
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

/** Parts of some length: a string that is made of millions of tokens takes twenty times the memory of its text. */
const PART_LENGTH = 64 * 1024;

/**
 * Brings, part by part, the text without white space between its tokens, and each string as `JSON.stringify` writes it: the
 * same for texts that differ only in how they are written. Numbers stay as they are, for `1.0` may mean something else
 * than `1`.
 */
export function eachPlainPart(text: string, visit: (part: string) => void): void {
  let pieces: string[] = [];
  let length = 0;
  const add = (piece: string) => {
    pieces.push(piece);
    length += piece.length;
    if (length < PART_LENGTH && pieces.length < PART_LENGTH) return;
    visit(pieces.join(''));
    pieces = [];
    length = 0;
  };
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      const string = text.slice(at, end);
      if (string.includes('\\')) {
        add(text.slice(from, at));
        add(JSON.stringify(JSON.parse(string)));
        from = end;
      }
      at = end;
    } else if (isSpace(code)) {
      add(text.slice(from, at));
      at = skipSpace(text, at);
      from = at;
    } else at += 1;
  }
  add(text.slice(from));
  visit(pieces.join(''));
}

/** The closing quote is the first one after an even number of backslashes. */
export function endOfString(text: string, at: number): number {
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

export function skipSpace(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next += 1;
  return next;
}

/** JSON's four white-space characters. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
