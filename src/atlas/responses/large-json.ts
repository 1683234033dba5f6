/**
 * Large JSON without its depths. Millions of small values take twenty times the memory of their text, and
 * nobody needs what a `file_data` holds as values. So values are made of the page object, of `data` and of
 * the items in it. All the rest is checked as strictly as `JSON.parse` does, and left as text.
 */
import { skipSpace } from '../../json-text.js';

/** Objects and lists that are made stand at most so deep: wrapping, page, list, item. */
const MAX_DEPTH = 4;
/** More than ten for each extract of the largest page. In memory they take some 20 MiB. */
const MAX_VALUES = 200_000;
/** Deeper than anybody nests what was read off a scan. */
const MAX_NESTING = 10_000;

/** From this length on a search by the engine is faster than a loop over letters. */
const LONG_STRING = 100;
/** With none of these, a string is sound. With one, a loop over its letters decides. */
const SPECIAL = /[\\\p{Cc}]/u;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SMALL_E = 0x65;
const SMALL_U = 0x75;

/** It may well be JSON, and is more than anybody asked for. */
export class JsonTooLargeError extends SyntaxError {}

/** In the place of an object or a list that has something in it and was not made. */
export const LEFT_AS_TEXT: object = Object.freeze({ leftAsText: true });

/**
 * The value as `JSON.parse` makes it, but for {@link LEFT_AS_TEXT}.
 * @throws SyntaxError when `JSON.parse` throws; JsonTooLargeError where there are too many values or levels.
 */
export function parseLargeJson(text: string): unknown {
  return new Reader(text).read();
}

class Reader {
  private at = 0;
  private values = 0;

  constructor(private readonly text: string) {}

  read(): unknown {
    this.skipSpace();
    const value = this.readValue(0);
    this.skipSpace();
    if (this.at < this.text.length) this.fail();
    return value;
  }

  /** @param depth How deep it stands. At {@link MAX_DEPTH} an object or a list is left as text. */
  private readValue(depth: number): unknown {
    this.values += 1;
    if (this.values > MAX_VALUES) throw new JsonTooLargeError(`more than ${MAX_VALUES} values`);
    const start = this.at;
    const code = this.code();
    if (code !== OPEN_BRACE && code !== OPEN_BRACKET) {
      this.skipScalar();
      return JSON.parse(this.text.slice(start, this.at));
    }
    const isObject = code === OPEN_BRACE;
    if (depth < MAX_DEPTH) return isObject ? this.readObject(depth) : this.readList(depth);
    this.skipContainer();
    if (skipSpace(this.text, start + 1) < this.at - 1) return LEFT_AS_TEXT;
    return isObject ? {} : [];
  }

  private readObject(depth: number): object {
    const object = {};
    this.eachPart(CLOSE_BRACE, () => {
      const start = this.at;
      this.skipString();
      const key = JSON.parse(this.text.slice(start, this.at)) as string;
      this.skipColon();
      const value = this.readValue(key === 'data' ? depth + 1 : MAX_DEPTH);
      // Assigned, `__proto__` would be no key.
      const asAssigned = { configurable: true, enumerable: true, writable: true };
      Object.defineProperty(object, key, { value, ...asAssigned });
    });
    return object;
  }

  private readList(depth: number): unknown[] {
    const list: unknown[] = [];
    this.eachPart(CLOSE_BRACKET, () => list.push(this.readValue(depth + 1)));
    return list;
  }

  private eachPart(close: number, part: () => void): void {
    this.at += 1;
    this.skipSpace();
    if (this.code() === close) {
      this.at += 1;
      return;
    }
    for (;;) {
      part();
      this.skipSpace();
      const code = this.code();
      this.at += 1;
      if (code === close) return;
      if (code !== COMMA) this.fail();
      this.skipSpace();
    }
  }

  /** An object or a list with all in it. Without recursion, and without making anything of it. */
  private skipContainer(): void {
    const closes: number[] = [];
    for (;;) {
      // A value begins here.
      const code = this.code();
      let isOpen = code === OPEN_BRACE || code === OPEN_BRACKET;
      if (isOpen) {
        closes.push(code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
        if (closes.length > MAX_NESTING)
          throw new JsonTooLargeError(`more than ${MAX_NESTING} levels`);
        this.at += 1;
        this.skipSpace();
        isOpen = this.code() !== closes.at(-1);
      } else this.skipScalar();
      // It has ended, and perhaps what it is in.
      while (!isOpen) {
        this.skipSpace();
        const next = this.code();
        this.at += 1;
        if (next === closes.at(-1)) closes.pop();
        else if (next === COMMA) {
          this.skipSpace();
          isOpen = true;
        } else this.fail();
        if (closes.length === 0) return;
      }
      if (closes.at(-1) === CLOSE_BRACE) {
        this.skipString();
        this.skipColon();
      }
    }
  }

  private skipScalar(): void {
    const code = this.code();
    if (code === QUOTE) this.skipString();
    else if (code === MINUS || isDigit(code)) this.skipNumber();
    else if (!['true', 'false', 'null'].some((word) => this.skipWord(word))) this.fail();
  }

  private skipWord(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private skipString(): void {
    if (this.code() !== QUOTE) this.fail();
    this.at += 1;
    const quote = this.text.indexOf('"', this.at);
    if (quote - this.at > LONG_STRING && !SPECIAL.test(this.text.slice(this.at, quote))) {
      this.at = quote + 1;
      return;
    }
    for (let code = this.code(); code !== QUOTE; code = this.code()) {
      // Beyond the end it is NaN.
      if (!(code >= 0x20)) this.fail();
      this.at += code === BACKSLASH ? this.lengthOfEscape() : 1;
    }
    this.at += 1;
  }

  private lengthOfEscape(): number {
    const isLong = this.text.charCodeAt(this.at + 1) === SMALL_U;
    const length = isLong ? 6 : 2;
    const written = this.text.slice(this.at, this.at + length);
    if (!(isLong ? /^\\u[\da-f]{4}$/i : /^\\["\\/bfnrt]$/).test(written)) this.fail();
    return length;
  }

  private skipNumber(): void {
    if (this.code() === MINUS) this.at += 1;
    if (this.code() === ZERO) this.at += 1;
    else this.skipDigits();
    if (this.code() === DOT) {
      this.at += 1;
      this.skipDigits();
    }
    if ((this.code() | 0x20) === SMALL_E) {
      this.at += 1;
      const sign = this.code();
      if (sign === PLUS || sign === MINUS) this.at += 1;
      this.skipDigits();
    }
  }

  private skipDigits(): void {
    if (!isDigit(this.code())) this.fail();
    while (isDigit(this.code())) this.at += 1;
  }

  private skipColon(): void {
    this.skipSpace();
    if (this.code() !== COLON) this.fail();
    this.at += 1;
    this.skipSpace();
  }

  private skipSpace(): void {
    this.at = skipSpace(this.text, this.at);
  }

  private code(): number {
    return this.text.charCodeAt(this.at);
  }

  private fail(): never {
    throw new SyntaxError(`no JSON at ${this.at}`);
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}
