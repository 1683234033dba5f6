/** Walks through the sets of a filter, side by side, and brings the batches that pass, in one order. */
import { begunKey } from '../../jobs/keys/redis-keys.js';
import type { ClientQueues } from '../client-queues.js';
import { findBatch } from '../find.js';
import { type CheckedFilter, passOf } from './batch-filter.js';
import { type BatchSet, type BatchSort, setsOf } from './batch-sets.js';
import type { ListProgress, SetProgress } from './cursor.js';
import type { ScanOrder, ScanPlace } from './scan-order.js';
import { SCAN, type ScanReply } from './scan-script.js';
import { searchText } from './search-text.js';

/** Jobs and bytes of requests that one call of the script reads, about 4 ms of Redis. */
const VISITED_AT_ONCE = 2000;
const BYTES_AT_ONCE = 2 * 1024 * 1024;
/** Where everything passes some jobs are left out all the same: those that have gone, or have begun. */
const SPARE = 10;
const SPARE_BEGUN = 500;

interface Reading extends SetProgress {
  set: BatchSet;
  /** What was read and not brought yet, each with how many jobs were visited up to it. */
  ahead: (ScanPlace & { searched: number })[];
  /** Up to which place it is read, and how many jobs were visited up to there. */
  readTo: ScanPlace | null;
  readSearched: number;
}

export interface BatchScan {
  /** Batches that are to be searched, as it was at the start. */
  total: number;
  /** Whether all are read that there are, when there is no next one. */
  readsAll: boolean;
  /**
   * Whether another one passes; `late` when that is not known by then, and may be asked again.
   * @param until As `performance.now()` tells it. What is asked of Redis before is still awaited.
   */
  hasNext(until: number): Promise<boolean | 'late'>;
  /** The next one, once {@link BatchScan.hasNext} has said that there is one. */
  take(): ScanPlace;
  /** How far it has come, for {@link openScan}. */
  progress(): ListProgress;
  /** Batches that were searched, in earlier scans too. */
  searched(): number;
}

export interface ScanOptions {
  sort: BatchSort;
  /** How many will be asked for. */
  want: number;
  /** Where an earlier scan of the same filter stood. */
  from?: ListProgress | undefined;
}

export async function openScan(
  queues: ClientQueues,
  filter: CheckedFilter,
  { sort, want, from = {} }: ScanOptions,
): Promise<BatchScan> {
  const { sets, total, areAll } = await setsOf(queues, filter, sort);
  const read = await setReader(queues, filter, sort, want);
  const readings = sets.map((set): Reading => {
    const known = from[set.name] ?? { at: null, searched: 0, exhausted: false };
    return { set, ...known, ahead: [], readTo: known.at, readSearched: known.searched };
  });

  const newestFirst = sort === 'newest';
  return {
    total,
    readsAll: areAll,
    async hasNext(until) {
      for (const reading of readings) {
        while (reading.ahead.length === 0 && !reading.exhausted) {
          if (performance.now() > until) return 'late';
          await read(reading);
        }
      }
      return readings.some(({ ahead }) => ahead.length > 0);
    },
    take() {
      const reading = earliest(readings, newestFirst);
      const next = reading?.ahead.shift();
      if (!reading || !next) throw new Error('there is no next batch');
      const { searched, ...found } = next;
      Object.assign(reading, { at: found, searched });
      return found;
    },
    progress: () => Object.fromEntries(readings.map((one) => [one.set.name, progressOf(one)])),
    searched: () => readings.reduce((sum, one) => sum + progressOf(one).searched, 0),
  };
}

/** What is read ahead is read again by whoever goes on from here. */
function progressOf({ at, searched, exhausted, ahead, readTo, readSearched }: Reading) {
  return ahead.length > 0
    ? { at, searched, exhausted: false }
    : { at: readTo, searched: readSearched, exhausted };
}

function earliest(readings: readonly Reading[], newestFirst: boolean): Reading | undefined {
  let first: Reading | undefined;
  for (const reading of readings) {
    const [head] = reading.ahead;
    const best = first?.ahead[0];
    if (head && (!best || isBefore(head, best) === !newestFirst)) first = reading;
  }
  return first;
}

function isBefore(a: ScanPlace, b: ScanPlace): boolean {
  return a.time < b.time || (a.time === b.time && a.id < b.id);
}

export function placeIn([id, time, index]: ScanReply[2]): ScanPlace | null {
  return id === undefined || index === undefined ? null : { id, time: Number(time), index };
}

/** What every call of the script is told of a filter. */
export async function scanOrderOf(
  { batches, ...queues }: ClientQueues,
  filter: CheckedFilter,
): Promise<Pick<ScanOrder, 'jobs' | 'bytes' | 'sinceMs' | 'untilMs' | 'text'>> {
  const { text, sinceMs, untilMs } = filter;
  const direct = text === null ? null : await findBatch({ batches, ...queues }, text);
  return {
    jobs: batches.toKey(''),
    bytes: BYTES_AT_ONCE,
    sinceMs,
    untilMs,
    text: text === null ? null : searchText(text, direct),
  };
}

async function setReader(
  queues: ClientQueues,
  filter: CheckedFilter,
  sort: BatchSort,
  want: number,
): Promise<(reading: Reading) => Promise<void>> {
  const { states } = filter;
  const [, ...others] = passOf(filter);
  const common = await scanOrderOf(queues, filter);
  return async (reading) => {
    const { set, readTo, readSearched } = reading;
    // What passes all of a set needs nothing of its jobs.
    const isState = states !== null && !set.holds.every((state) => states.has(state));
    const pass = [isState ? [...states] : null, ...others];
    const isUnfiltered = common.text === null && pass.every((one) => !one);
    const order: ScanOrder = {
      ...common,
      ...orderOfSet(set),
      newestFirst: sort === 'newest',
      at: readTo,
      visit: isUnfiltered
        ? Math.min(want + (set.isUnbegun ? SPARE_BEGUN : SPARE), VISITED_AT_ONCE)
        : VISITED_AT_ONCE,
      want,
      count: false,
      pass,
    };
    const keys = [set.key, begunKey(queues.prefix)];
    const [found, searched, at, exhausted] = await SCAN.run(queues.link.redis, keys, [
      JSON.stringify(order),
    ]);
    for (let i = 0; i < found.length; i += 4) {
      const [id, time, index, before] = found.slice(i, i + 4);
      reading.ahead.push({
        ...{ id: String(id), time: Number(time), index: Number(index) },
        searched: readSearched + Number(before),
      });
    }
    reading.readTo = placeIn(at) ?? readTo;
    reading.readSearched = readSearched + searched;
    reading.exhausted = exhausted === 1;
  };
}

/** What the script is told of a set. */
export function orderOfSet({
  isList,
  isScored,
  isUnbegun,
  isBegun,
  ended,
}: BatchSet): Pick<ScanOrder, 'isList' | 'isScored' | 'isUnbegun' | 'isBegun' | 'ended'> {
  return { isList, isScored, isUnbegun, isBegun, ended };
}
