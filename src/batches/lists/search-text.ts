/** What a script searches batches for, from what a person has typed. Pure. */
import { batchJobId } from '../../jobs/ids.js';
import type { ScanText } from './scan-order.js';

/** Characters that every producer writes into JSON as they are. */
const PLAIN = /^[a-z0-9 ._:-]+$/;
const SCHEME = 's3://';

/** @param reference The batch that the text leads to straight, as an id of Atlas does. */
export function searchText(text: string, reference: string | null): ScanText {
  // Systems between us and Atlas may store é as one character or as two.
  const forms = [text.normalize('NFC'), text.normalize('NFD')].map(lowerCase);
  const written = writtenForm(lowerCase(text));
  return {
    needles: [...new Set(forms)],
    written,
    pieces: written === null ? null : written.flatMap(piecesOf),
    jobId: reference === null ? null : batchJobId(reference),
  };
}

/** As the script does it, which knows bytes only. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/**
 * A part that stands in the JSON of every request that has the text: so most requests are not parsed. A slash
 * stands between a bucket and a key, and some producers write it as `\/`.
 */
function writtenForm(text: string): string[] | null {
  const path = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  const longest = path.split('/').reduce((best, part) => (part.length > best.length ? part : best));
  return PLAIN.test(longest) ? [longest] : null;
}

/** Of one with two letters there are four, by their cases. */
const MOST_LETTERS = 2;
/** Shorter ones are in most texts. */
const LEAST_LENGTH = 3;

/**
 * A part of a text, in every way that its letters may be written: who has the text in any case has one of them as it
 * stands. Few letters, so that they are few.
 */
function piecesOf(text: string): string[] {
  const parts = Array.from({ length: MOST_LETTERS + 1 }, (_, letters) =>
    longestPart(text, letters),
  );
  const part = parts.find(({ length }) => length >= LEAST_LENGTH) ?? parts.at(-1) ?? '';
  return [...part].reduce<string[]>(
    (ways, one) =>
      [...new Set([one, one.toUpperCase()])].flatMap((way) => ways.map((before) => before + way)),
    [''],
  );
}

/** The longest part of a text with at most so many letters. */
function longestPart(text: string, letters: number): string {
  const part = new RegExp(`^[^a-z]*([a-z][^a-z]*){0,${letters}}`);
  const parts = Array.from(text, (_, from) => part.exec(text.slice(from))?.[0] ?? '');
  return parts.reduce((best, one) => (one.length > best.length ? one : best), '');
}
