/**
 * The sets in which the batches lie that a list is about. Those that have ended are in BullMQ's own sets, by
 * when they ended. Those that a worker has begun are in one of ours, by when they were added. The others are
 * in BullMQ's, in the order in which workers would take them, which is about that in which they were added.
 */
import { begunKey, startedKey } from '../../jobs/keys/redis-keys.js';
import type { ListedState } from '../../jobs/state/listed-facts.js';
import type { ClientQueues } from '../client-queues.js';
import type { CheckedFilter } from './batch-filter.js';
import type { ScanOrder } from './scan-order.js';

/**
 * `newest` and `oldest` go by when a batch ended or, before that, was added. `deadline`: whose deadline is
 * nearest comes first; only batches whose deadline runs, so none that waits for a worker or in line.
 */
export type BatchSort = 'newest' | 'oldest' | 'deadline';

/** Each of them. */
export const SORTS: readonly BatchSort[] = ['newest', 'oldest', 'deadline'];

export interface BatchSet
  extends Pick<ScanOrder, 'isList' | 'isScored' | 'isUnbegun' | 'isBegun' | 'ended'> {
  name: string;
  key: string;
  /** The states that its batches may have. */
  holds: readonly ListedState[];
}

/** How many jobs the sets hold. */
export interface SetCounts {
  wait: number;
  active: number;
  prioritized: number;
  delayed: number;
  'waiting-children': number;
  completed: number;
  failed: number;
  begun: number;
  started: number;
}

export async function countSets({ batches, link, prefix }: ClientQueues): Promise<SetCounts> {
  const { redis } = link;
  const ofSet = (name: string) => redis.zcard(batches.toKey(name));
  const [wait, active, prioritized, delayed, waitingChildren, completed, failed, begun, started] =
    await Promise.all([
      redis.llen(batches.toKey('wait')),
      redis.llen(batches.toKey('active')),
      ofSet('prioritized'),
      ofSet('delayed'),
      ofSet('waiting-children'),
      ofSet('completed'),
      ofSet('failed'),
      redis.zcard(begunKey(prefix)),
      redis.zcard(startedKey(prefix)),
    ]);
  return {
    ...{ wait, active, prioritized, delayed, completed, failed, begun, started },
    'waiting-children': waitingChildren,
  };
}

/** Batches that have not ended. */
export function countRunning(counts: SetCounts): number {
  const { wait, active, prioritized, delayed } = counts;
  return wait + active + prioritized + delayed + counts['waiting-children'];
}

/**
 * Most jobs that sleep among which one that no worker has begun is searched. Only a producer's own delay
 * puts one there.
 */
const SLEEPERS_SEARCHED = 5000;

const BEGUN_STATES: readonly ListedState[] = ['submitting', 'in-line', 'processing'];
const FAILED_STATES: readonly ListedState[] = ['failed', 'cancelled'];

export interface SetsToSearch {
  sets: BatchSet[];
  /** Batches that they hold, in the time that is asked for. */
  total: number;
  /** Whether no other set may hold one. */
  areAll: boolean;
}

/** The sets that hold what passes the filter. */
export async function setsOf(
  queues: ClientQueues,
  filter: CheckedFilter,
  sort: BatchSort,
): Promise<SetsToSearch> {
  const { batches, prefix, link } = queues;
  const { states, codes, sinceMs, untilMs } = filter;
  const counts = await countSets(queues);
  // Only what has failed has a code.
  const may = (some: readonly ListedState[]) =>
    codes === null ? some : some.filter((one) => FAILED_STATES.includes(one));
  const wants = (...some: ListedState[]) =>
    may(some).some((one) => states === null || states.has(one));
  const toKey = (name: string) => batches.toKey(name);
  const begun = {
    ...{ isList: false, isUnbegun: false, isBegun: true, holds: BEGUN_STATES },
    ended: '',
  } as const;
  if (sort === 'deadline') {
    if (codes !== null) return { sets: [], total: 0, areAll: true };
    const started = { name: 'started', key: startedKey(prefix), isScored: false, ...begun };
    return { sets: [started], total: counts.started, areAll: true };
  }
  const sets: BatchSet[] = [];
  let total = 0;
  let areAll = true;
  const addScored = async (set: BatchSet, count: number) => {
    sets.push(set);
    if (sinceMs === null && untilMs === null) total += count;
    else total += await link.redis.zcount(set.key, sinceMs ?? '-inf', untilMs ?? '+inf');
  };
  const ended = { isList: false, isScored: true, isUnbegun: false, isBegun: false };
  if (wants(...BEGUN_STATES)) {
    const set = { name: 'begun', key: begunKey(prefix), isScored: true, ...begun };
    await addScored(set, counts.begun);
  }
  if (wants('queued')) {
    const unbegun = {
      isScored: false,
      isUnbegun: true,
      isBegun: false,
      ended: '',
      holds: ['queued'],
    } as const;
    // In the order in which jobs go from one to the next. Those that are empty are read too, for a job may come
    // into one meanwhile.
    const names: ('delayed' | 'prioritized' | 'wait' | 'active')[] = [
      'prioritized',
      'wait',
      'active',
    ];
    const sleeping = counts.delayed + counts['waiting-children'];
    areAll = counts.delayed <= SLEEPERS_SEARCHED || counts.begun < sleeping;
    if (areAll) names.unshift('delayed');
    for (const name of names) {
      const isList = name === 'wait' || name === 'active';
      sets.push({ name, key: toKey(name), isList, ...unbegun });
    }
    total += Math.max(0, countRunning(counts) - counts.begun);
  }
  if (wants('completed')) {
    const set = { name: 'completed', key: toKey('completed'), ...ended } as const;
    await addScored({ ...set, ended: 'completed', holds: ['completed'] }, counts.completed);
  }
  if (wants(...FAILED_STATES)) {
    const set = { name: 'failed', key: toKey('failed'), ...ended } as const;
    await addScored({ ...set, ended: 'failed', holds: FAILED_STATES }, counts.failed);
  }
  return { sets, total, areAll };
}
