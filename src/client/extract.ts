/**
 * Extracts as an app reads them. Types are generic over the document type: `AADHAAR` as Atlas
 * documents it, and open for others by declaration merging:
 *
 *     declare module 'atlas-batch' {
 *       interface DocumentFields { PAN: 'name' | 'pan_number' }
 *     }
 */

import { isObject } from '../json.js';
import { endOfString } from '../json-text.js';

/** Names of the documented fields of each document type. */
export interface DocumentFields {
  AADHAAR: 'name' | 'date_of_birth';
}

/** A field as Atlas sends it; there may be more in it. */
export interface ExtractField {
  /** What was read from the document, usually text. */
  value: unknown;
  /** From 0 to 1. */
  confidence_score?: number;
  [more: string]: unknown;
}

/** Names of the documented fields of a document type; `never` for others. */
export type FieldName<Type extends string> = Type extends keyof DocumentFields
  ? DocumentFields[Type]
  : never;

/** `file_data` of one extract: its documented fields, and whatever else Atlas sent. */
export type DocumentExtract<Type extends string = string> = {
  document_type: Type;
} & { [Name in FieldName<Type>]?: ExtractField } & { [more: string]: unknown };

/** What a field says. */
export interface FieldReading {
  /** A number that a double cannot hold, such as one of more than 15 digits, is a string here, with every digit. */
  value: unknown;
  /** From 0 to 1; null when Atlas gave none. */
  confidence: number | null;
}

/**
 * A field of an extract; undefined when it has no such field.
 *
 *     if (isOfType(extract, 'AADHAAR')) field(extract, 'name')?.value;
 */
export function field<Type extends string>(
  extract: DocumentExtract<Type>,
  name: FieldName<Type> | (string & {}),
): FieldReading | undefined {
  // Not every JSON value is an object, and `null` was once an extract.
  const holder = Object(extract);
  const found: unknown = Object.hasOwn(holder, name) ? Reflect.get(holder, name) : undefined;
  if (!isObject(found) || !('value' in found)) return undefined;
  const confidence = 'confidence_score' in found ? found.confidence_score : null;
  return { value: found.value, confidence: typeof confidence === 'number' ? confidence : null };
}

/** Narrows an extract to a document type, and with it the names of its fields. */
export function isOfType<Type extends string>(
  extract: DocumentExtract,
  type: Type,
): extract is DocumentExtract<Type> {
  return extract?.document_type === type;
}

/** A double holds every decimal number of this many significant digits. */
const SAFE_DIGITS = 15;
/** Where a string begins, which stays as it is, and whole numbers. */
const TOKENS = /"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Only where there is one can a number be too long, or too large or small. */
const LONG_NUMBER = /[\d.]{16}|[eE][+-]?\d{3}/;
/** Smaller ones have fewer digits. */
const SMALLEST = 2 ** -1022;

/** Parses the raw text of an extract; numbers that a double cannot hold become strings. */
export function parseExtract(text: string): DocumentExtract {
  return JSON.parse(LONG_NUMBER.test(text) ? withQuotedNumbers(text) : text);
}

/** A pattern for whole strings would need a stack that grows with the escapes in them. */
function withQuotedNumbers(text: string): string {
  const pieces: string[] = [];
  let from = 0;
  TOKENS.lastIndex = 0;
  for (let found = TOKENS.exec(text); found; found = TOKENS.exec(text)) {
    const [token] = found;
    if (token === '"') {
      const end = endOfString(text, found.index);
      // It does not end: this is no JSON, as will be said.
      if (end === 0) break;
      TOKENS.lastIndex = end;
    } else if (isLong(token) || isOutOfRange(token)) {
      pieces.push(text.slice(from, found.index), JSON.stringify(token));
      from = TOKENS.lastIndex;
    }
  }
  return pieces.join('') + text.slice(from);
}

function isLong(token: string): boolean {
  const [mantissa = ''] = token.split(/e/i);
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '');
  const significant = mantissa.includes('.') ? digits.length : lengthWithoutZeros(digits);
  return significant > SAFE_DIGITS;
}

function isOutOfRange(token: string): boolean {
  const size = Math.abs(Number(token));
  const isZero = !/[1-9]/.test(token.split(/e/i)[0] ?? '');
  return size === Number.POSITIVE_INFINITY || (size < SMALLEST && !isZero);
}

/** Length up to the last digit that is not 0. A pattern for it would take the square of the length. */
function lengthWithoutZeros(digits: string): number {
  let length = digits.length;
  while (digits[length - 1] === '0') length -= 1;
  return length;
}

/** What was extracted from one document. */
export interface DocumentResult {
  /** The caller's own id. */
  documentId: string;
  /** `file_data` of each extract as JSON text, as Atlas wrote it: every digit of every number. */
  raw: readonly string[];
  /** The same, parsed on first use. Long numbers are strings, see {@link parseExtract}. */
  readonly extracts: readonly DocumentExtract[];
}

export function toDocumentResult(documentId: string, raw: readonly string[]): DocumentResult {
  let parsed: DocumentExtract[] | undefined;
  return {
    documentId,
    raw,
    get extracts() {
      parsed ??= raw.map(parseExtract);
      return parsed;
    },
  };
}
