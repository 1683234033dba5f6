/** The place in a list behind which its next page begins, as one opaque word. Pure. */
import { UsageError } from '../../errors.js';
import { isObject, parseJson } from '../../json.js';
import type { ScanPlace } from './scan-order.js';

/** How far one set was read. */
export interface SetProgress {
  at: ScanPlace | null;
  /** Jobs that were visited up to there. */
  searched: number;
  exhausted: boolean;
}

/** How far each set of a list was read, by its name. */
export type ListProgress = Readonly<Record<string, SetProgress>>;

const UNKNOWN = 'the cursor is none of this list: begin again without one';

export function writeCursor(sort: string, progress: ListProgress): string {
  const sets = Object.entries(progress).map(([name, { at, searched, exhausted }]) => [
    name,
    at && [at.id, at.time, at.index],
    searched,
    exhausted ? 1 : 0,
  ]);
  return Buffer.from(JSON.stringify([sort, sets])).toString('base64url');
}

/** @throws UsageError for what no list of this order has given. */
export function readCursor(cursor: string, sort: string): ListProgress {
  const read: unknown = parseJson(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(read) || read[0] !== sort || !Array.isArray(read[1]))
    throw new UsageError(UNKNOWN);
  return Object.fromEntries(read[1].map(readSet));
}

function readSet(set: unknown): [string, SetProgress] {
  if (!Array.isArray(set)) throw new UsageError(UNKNOWN);
  const [name, place, searched, exhausted] = set;
  if (typeof name !== 'string' || !isCount(searched)) throw new UsageError(UNKNOWN);
  return [name, { at: readPlace(place), searched, exhausted: exhausted === 1 }];
}

function readPlace(place: unknown): ScanPlace | null {
  if (place === null) return null;
  if (!Array.isArray(place) || !isObject(place)) throw new UsageError(UNKNOWN);
  const [id, time, index] = place as unknown[];
  if (typeof id !== 'string' || typeof time !== 'number' || !isCount(index))
    throw new UsageError(UNKNOWN);
  return { id, time, index };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
