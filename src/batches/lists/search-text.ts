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
  return {
    needles: [...new Set(forms)],
    written: writtenForm(lowerCase(text)),
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
