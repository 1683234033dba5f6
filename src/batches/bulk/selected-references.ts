/** Reads which batches a bulk action is about, part by part, while workers go on with them. */
import { referenceOfBatchJobId } from '../../jobs/ids.js';
import type { ListedState } from '../../jobs/state/listed-facts.js';
import type { ClientQueues } from '../client-queues.js';
import { referencesGivenUp } from '../events/redeliver-events.js';
import type { CheckedFilter } from '../lists/batch-filter.js';
import { openScan } from '../lists/scan-batches.js';
import type { CheckedSelection } from './selection.js';

/** Batches that are asked for, or done, side by side. */
const PART = 200;

const ENDED: ReadonlySet<ListedState> = new Set(['completed', 'failed', 'cancelled']);

/** Their references, in parts. */
export async function* selectedReferences(
  queues: ClientQueues,
  selection: CheckedSelection,
): AsyncGenerator<string[], void, undefined> {
  if ('references' in selection) {
    for (let from = 0; from < selection.references.length; from += PART)
      yield selection.references.slice(from, from + PART);
    return;
  }
  const { filter, givenUp } = selection;
  const some = givenUp ? await referencesGivenUp(queues) : null;
  if (isOfEnded(filter)) yield* readOnce(queues, filter, (one) => some?.has(one) !== false);
  else yield* readUntilNoneIsNew(queues, filter);
}

/** Such batches move only by a new run, which ends later than the filter says. */
function isOfEnded({ states }: CheckedFilter): boolean {
  return states !== null && [...states].every((state) => ENDED.has(state));
}

/**
 * Batches that have not ended, each once. The sets are read again until no batch is new, for workers move batches
 * meanwhile, and may move one into a set that was read already. Of each batch that is met the reference is kept.
 */
async function* readUntilNoneIsNew(
  queues: ClientQueues,
  filter: CheckedFilter,
): AsyncGenerator<string[], void, undefined> {
  const met = new Set<string>();
  const isNew = (reference: string) => {
    if (met.has(reference)) return false;
    met.add(reference);
    return true;
  };
  let before: number;
  do {
    before = met.size;
    for (const stage of stagesOf(filter)) yield* readOnce(queues, stage, isNew);
  } while (met.size > before);
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
): AsyncGenerator<string[], void, undefined> {
  const maxMs = Number.POSITIVE_INFINITY;
  const scan = await openScan(queues, filter, { sort: 'newest', want: PART, maxMs });
  let part: string[] = [];
  while ((await scan.hasNext()) === true) {
    const reference = referenceOfBatchJobId(scan.take().id);
    if (reference !== null && isMeant(reference)) part.push(reference);
    if (part.length < PART) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
