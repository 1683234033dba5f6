/** Batch ids as Atlas makes them: `BATCH-30732-SIYKJ-20251121113228`. */
import { randomFrom } from '../random.js';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LETTER_COUNT = 5;
const LETTER_CODES = LETTERS.length ** LETTER_COUNT;
/** Shares no factor with 26: counting in such steps meets every code before one comes again. */
const STEP = 7_654_321;

/** Ids of batches that are numbers begin after this one. */
const FIRST_NUMBER = 30_732n;
/** The same of those that no double holds. */
const FIRST_LONG_NUMBER = 9_007_199_254_740_993n;

/** An id of digits alone, unique as well. */
export function numberIdOf(ordinal: number, isLong = false): string {
  return String((isLong ? FIRST_LONG_NUMBER : FIRST_NUMBER) + BigInt(ordinal));
}

/** Unique for 11 million batches in a row; the letters follow from the number of the batch. */
export function batchIdOf(seed: number, ordinal: number): string {
  const random = randomFrom(seed + ordinal);
  let code = ((ordinal + 1) * STEP + seed) % LETTER_CODES;
  let letters = '';
  while (letters.length < LETTER_COUNT) {
    letters += LETTERS.charAt(code % LETTERS.length);
    code = Math.floor(code / LETTERS.length);
  }
  const digits = String(10_000 + Math.floor(random() * 90_000));
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  return `BATCH-${digits}-${letters}-${stamp}`;
}
