/** Reads which batches a bulk action is about, part by part, while workers go on with them. */
import { referenceOfBatchJobId } from '../../jobs/ids.js';
import type { ListedState } from '../../jobs/state/listed-facts.js';
import type { ClientQueues } from '../client-queues.js';
import { referencesGivenUp } from '../events/redeliver-events.js';
import type { CheckedFilter } from '../lists/batch-filter.js';
import { type BatchScan, openScan } from '../lists/scan-batches.js';
import type { CheckedSelection } from './selection.js';

/** Batches that are asked for, or done, side by side. */
const PART = 200;
/** For how long a part is read. Between two parts it can be ended, so nobody waits longer for that. */
const PART_MS = 500;

const ENDED: ReadonlySet<ListedState> = new Set(['completed', 'failed', 'cancelled']);

/** Parts, which may be empty, and at the end whether all batches were read that there are. */
type Parts = AsyncGenerator<string[], boolean, undefined>;

/** Their references. A part comes at least about every half second, however few of the batches are meant. */
export async function* selectedReferences(
  queues: ClientQueues,
  selection: CheckedSelection,
): Parts {
  if ('references' in selection) {
    for (let from = 0; from < selection.references.length; from += PART)
      yield selection.references.slice(from, from + PART);
    return true;
  }
  const { filter, givenUp } = selection;
  const some = givenUp ? await referencesGivenUp(queues) : null;
  return isOfEnded(filter)
    ? yield* readOnce(queues, filter, (one) => some?.has(one) !== false)
    : yield* readUntilNoneIsNew(queues, filter);
}

/** Such batches move only by a new run, which ends later than the filter says. */
function isOfEnded({ states }: CheckedFilter): boolean {
  return states !== null && [...states].every((state) => ENDED.has(state));
}

/**
 * Batches that have not ended, each once. The sets are read again until no batch is new, for workers move batches
 * meanwhile, and may move one into a set that was read already. Of each batch that is met the reference is kept.
 */
async function* readUntilNoneIsNew(queues: ClientQueues, filter: CheckedFilter): Parts {
  const met = new Set<string>();
  const isNew = (reference: string) => {
    if (met.has(reference)) return false;
    met.add(reference);
    return true;
  };
  let readsAll = true;
  let before: number;
  do {
    before = met.size;
    for (const stage of stagesOf(filter))
      readsAll = (yield* readOnce(queues, stage, isNew)) && readsAll;
  } while (met.size > before);
  return readsAll;
}

/**
 * First the batches that no worker has begun, then the others, which is the way that batches go: one that begins
 * during the first stage is met in the second.
 */
function stagesOf(filter: CheckedFilter): CheckedFilter[] {
  const { states } = filter;
  if (!states?.has('queued')) return [filter];
  const begun = [...states].filter((state) => state !== 'queued');
  return [
    { ...filter, states: new Set(['queued']) },
    { ...filter, states: new Set(begun) },
  ];
}

/** Those that the action takes out of their set meanwhile were read before. */
async function* readOnce(
  queues: ClientQueues,
  filter: CheckedFilter,
  isMeant: (reference: string) => boolean,
): Parts {
  const scan = await openScan(queues, filter, { sort: 'newest', want: PART });
  for (;;) {
    const { references, isLast } = await readPart(scan, isMeant);
    yield references;
    if (isLast) return scan.readsAll;
  }
}

async function readPart(
  scan: BatchScan,
  isMeant: (reference: string) => boolean,
): Promise<{ references: string[]; isLast: boolean }> {
  const until = performance.now() + PART_MS;
  const references: string[] = [];
  while (references.length < PART) {
    const next = await scan.hasNext(until);
    if (next !== true) return { references, isLast: next === false };
    const reference = referenceOfBatchJobId(scan.take().id);
    if (reference !== null && isMeant(reference)) references.push(reference);
  }
  return { references, isLast: false };
}
