/** Lists batches by a filter, page by page, without claiming what was not searched. */
import { checkOptions } from '../../check-options.js';
import { type Reason, UsageError } from '../../errors.js';
import type { Priority } from '../../jobs/request/request.js';
import { type ListedState, listedState } from '../../jobs/state/listed-facts.js';
import type { ClientQueues } from '../client-queues.js';
import type { BatchDeadline } from '../status/deadline.js';
import type { LinePlace } from '../status/line-place.js';
import { type BatchFilter, checkFilter, FILTER_OPTIONS } from './batch-filter.js';
import { type BatchSort, SORTS } from './batch-sets.js';
import { readCursor, writeCursor } from './cursor.js';
import { type BatchRow, readRows } from './rows.js';
import { openScan } from './scan-batches.js';

/** What a list is asked for, beside the filter. */
export interface ListOptions extends BatchFilter {
  /**
   * `newest` (default) and `oldest` go by when a batch ended or, before that, was added. `deadline`: nearest
   * first, of those whose deadline runs: none that has ended, or waits for a worker or in line.
   */
  sort?: BatchSort | undefined;
  /** Most batches of one page: 1 to 1,000. Default 25. */
  limit?: number | undefined;
  /** `next` of the page before, of the same filter and sort. */
  cursor?: string | undefined;
}

/** One batch of a list. Times are ISO 8601 in UTC. */
export interface ListedBatch {
  /** Null when the id of the job is none of a batch. */
  reference: string | null;
  /** Id of its job in the queue. */
  jobId: string;
  /** As in a filter. */
  state: ListedState;
  /** Null when the job is no valid batch. */
  productType: string | null;
  /** Null when the batch names none. */
  tenant: string | null;
  /** As in the request, or the default. */
  priority: Priority;
  /** Documents of the batch, those that went to Atlas (repeats included), and those of which it has sent an extract. */
  documents: { total: number; sent: number; present: number };
  /** Those that Atlas gave, without repeats. */
  atlasBatchIds: string[];
  /** When it was added. */
  addedAt: string;
  /** Null until the batch has ended. */
  endedAt: string | null;
  /** The earliest poll that is planned; null when none is. */
  nextPollAt: string | null;
  /** Where it stands in line; null when nothing of it is in line. */
  line: LinePlace | null;
  /** When it has to have ended; null once it has. */
  deadline: BatchDeadline | null;
  /** Why it failed; null when it did not. */
  reason: Reason | null;
  /** The transient error that delays it; null when there is none. */
  lastError: Reason | null;
}

/** A page of a list. */
export interface BatchList {
  /** Fewer than were asked for when the search took too long: `next` goes on with it. */
  batches: ListedBatch[];
  /** The cursor of the next page; null when every batch was searched. */
  next: string | null;
  /** Batches that were searched up to the end of this page, since the first one. */
  searched: number;
  /** Batches that are to be searched: those of the states that are asked for; with a code, those that failed. */
  total: number;
}

/** A page whose rows are read and not yet told. */
export interface RowList extends Omit<BatchList, 'batches'> {
  rows: BatchRow[];
}

/** What fits a screen. */
const DEFAULT_LIMIT = 25;
/** Of one page: who wants more asks for the next. */
export const MAX_LIMIT = 1000;
/** Of one page. A person waits for it. */
const MAX_MS = 1500;

const OPTIONS = [...FILTER_OPTIONS, 'sort', 'limit', 'cursor'] as const;

/** @throws UsageError that names the option that is wrong. */
export async function listBatches(
  queues: ClientQueues,
  options: ListOptions = {},
): Promise<BatchList> {
  const { rows, ...list } = await listRows(queues, options);
  return { ...list, batches: rows.map(toListed) };
}

/** The same, with what pages show. */
export async function listRows(queues: ClientQueues, options: ListOptions): Promise<RowList> {
  checkOptions('list', options, OPTIONS);
  const { sort = 'newest', limit = DEFAULT_LIMIT, cursor, ...filter } = options;
  if (!SORTS.includes(sort)) throw new UsageError(`sort is one of ${SORTS.join(', ')}`);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new UsageError(`limit is a whole number from 1 to ${MAX_LIMIT}`);
  const from = cursor === undefined ? undefined : readCursor(String(cursor), sort);
  const checked = checkFilter(filter);
  const until = performance.now() + MAX_MS;
  const scan = await openScan(queues, checked, { sort, want: limit + 1, from });
  const ids: string[] = [];
  let more = await scan.hasNext(until);
  while (more === true && ids.length < limit) {
    ids.push(scan.take().id);
    more = await scan.hasNext(until);
  }
  const searched = scan.searched();
  return {
    rows: await readRows(queues, ids),
    next: more === false ? null : writeCursor(sort, scan.progress()),
    searched,
    // Some may have come or gone since they were counted.
    total: more === false && scan.readsAll ? searched : Math.max(scan.total, searched),
  };
}

function toListed({
  jobId,
  addedAt,
  endedAt,
  status,
  failedReason,
  ...row
}: BatchRow): ListedBatch {
  const invalid: Reason = { code: 'INVALID_JOB', message: failedReason ?? 'not a batch' };
  const reason = status ? (status.summary?.reason ?? null) : endedAt === null ? null : invalid;
  return {
    reference: status?.reference ?? null,
    jobId,
    state: status ? listedState(status) : endedAt === null ? 'queued' : 'failed',
    productType: status?.productType ?? null,
    tenant: row.tenant,
    priority: row.priority,
    documents: status?.documents ?? { total: 0, sent: 0, present: 0 },
    atlasBatchIds: [...new Set(status?.uploads.flatMap(({ atlasBatchId }) => atlasBatchId ?? []))],
    addedAt: new Date(addedAt).toISOString(),
    endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
    nextPollAt: status?.nextPollAt ?? null,
    line: status?.line ?? null,
    deadline: status?.deadline ?? null,
    reason,
    lastError: status?.lastError ?? null,
  };
}
