/** Which batches a bulk action is about: what is asked for, checked. */
import { checkOptions, checkReference } from '../../check-options.js';
import { UsageError } from '../../errors.js';
import { batchJobId } from '../../jobs/ids.js';
import type { ListedState } from '../../jobs/state/listed-facts.js';
import { redisTimeMs } from '../../redis/clock.js';
import type { ClientQueues } from '../client-queues.js';
import {
  type BatchFilter,
  type CheckedFilter,
  checkFilter,
  FILTER_OPTIONS,
  type StateFilter,
} from '../lists/batch-filter.js';
import { latestTimeMs } from './latest-time.js';

/** What can be done to many batches. */
export type BulkAction = 'retry' | 'cancel' | 'redeliver';

/**
 * The batches of these references, or all that fit a filter that asks for something: one that asks for nothing is
 * more often a variable that is not set than every batch. `{ state: 'failed' }` means all that failed.
 */
export type BulkSelection =
  | { references: readonly string[] }
  | {
      [Name in keyof BulkFilter]-?: BulkFilter & { [One in Name]: NonNullable<BulkFilter[One]> };
    }[keyof BulkFilter];

/** All that fit a filter. */
export interface BulkFilter extends BatchFilter {
  /** Of a redeliver: only events that were given up, of batches that are still kept. */
  givenUp?: boolean | undefined;
}

/** The states that an action is for, and those that it means when none is asked for. */
const STATES: Record<BulkAction, { may: readonly ListedState[]; means: StateFilter }> = {
  retry: { may: ['failed', 'cancelled'], means: 'failed' },
  cancel: { may: ['queued', 'submitting', 'in-line', 'processing'], means: 'running' },
  redeliver: { may: ['completed', 'failed', 'cancelled'], means: 'ended' },
};

export type CheckedSelection =
  | { references: readonly string[] }
  | { filter: CheckedFilter; givenUp: boolean };

const OPTIONS = ['references', ...FILTER_OPTIONS, 'givenUp'];

/** @throws UsageError that says what is wrong. */
export function checkSelection(action: BulkAction, selection: BulkSelection): CheckedSelection {
  if (!Object.hasOwn(STATES, action))
    throw new UsageError(`the action is one of ${Object.keys(STATES).join(', ')}`);
  const given = Object.values(checkOptions(`a ${action} of many`, selection, OPTIONS));
  if ('references' in selection) {
    const { references, ...rest } = selection;
    if (Object.keys(rest).length > 0)
      throw new UsageError(`${action} takes references or a filter, and not both`);
    if (!Array.isArray(references))
      throw new UsageError(
        `references of a ${action} must be a list of references, which are text`,
      );
    for (const reference of references) checkReference(action, reference);
    return { references: [...new Set(references)] };
  }
  const { may, means } = STATES[action];
  if (given.every((one) => one === undefined || one === false))
    throw new UsageError(
      `${action} which batches? Give references or a filter: { state: '${means}' } means all`,
    );
  const { givenUp = false, ...asked } = selection;
  if (typeof givenUp !== 'boolean' || (givenUp && action !== 'redeliver'))
    throw new UsageError('givenUp is true or false, and for redeliver alone');
  const filter = checkFilter({ ...asked, state: asked.state ?? means });
  // A script whose variable is not set would mean all.
  if (asked.text !== undefined && filter.text === null)
    throw new UsageError('text is empty: leave it out where it does not matter');
  const other = [...(filter.states ?? [])].find((state) => !may.includes(state));
  if (other !== undefined)
    throw new UsageError(
      `a batch that is ${other} is none for ${action}: state is one of ${may.join(', ')}`,
    );
  return { filter, givenUp };
}

/**
 * The same for batches that there are now. None that comes or fails later is met, however long the action
 * takes.
 */
export async function selectionUntilNow(
  queues: ClientQueues,
  selection: CheckedSelection,
): Promise<CheckedSelection> {
  if ('references' in selection) return selection;
  const { filter, givenUp } = selection;
  // As of an action whose preview was shown. To find the last would read the times of all that wait.
  if (filter.untilMs !== null && filter.untilMs <= (await redisTimeMs(queues.link.redis)))
    return selection;
  const last = await latestTimeMs(queues, filter);
  return { filter: { ...filter, untilMs: Math.min(filter.untilMs ?? last, last) }, givenUp };
}

/** Key of the job of a reference. */
export function jobKeyOf({ batches }: ClientQueues, reference: string): string {
  return batches.toKey(batchJobId(reference));
}
