/** One poll of an Atlas batch: pages -> what is present, what is missing. */
import type { ExtractsPage } from '../../atlas/client.js';
import { ResponseError } from '../../atlas/response-errors.js';
import { TransientError, UnknownBatchError } from '../../errors.js';
import { isComplete, isOverdue } from '../../extracts/completeness.js';
import { Reconciliation } from '../../extracts/reconcile.js';
import type { PollData, PollState } from '../../jobs/poll-state.js';
import { unlessAborted } from '../../timeouts.js';
import type { WorkerContext } from '../context.js';
import type { PollReading } from './poll-event.js';
import type { PollAccount } from './poll-memory.js';
import { stayingPolls } from './transitions.js';

/** Pages read at once: enough to hide the way to Atlas, few enough to leave room for others. */
export const PAGES_IN_PARALLEL = 4;
/** A list longer than this many pages, or than its documents explain, never ends. */
const MIN_PAGE_LIMIT = 1000;
const PAGES_PER_DOCUMENT = 4;
/** So many extracts too large to take end a list: reading each of them costs as much as a response may. */
const MAX_TOO_LARGE = 8;
/** A total that stays is believed for so many polls, then for twice as many, and so on. */
const BELIEVED_POLLS = 4;
/** The rows of what may be answered beyond the last page. */
const BEYOND = ['5xx', 'unusable', 'other'] as const;

export interface Poll extends PollReading {
  found: Reconciliation | null;
}

interface PollOptions {
  /** Reads everything, whatever a count request would say. */
  full: boolean;
  /** What earlier polls have shown. */
  before: PollState['seen'];
  /** Extracts asked for at once. */
  perPage: number;
  /** What an earlier poll found no room for; 0 when none did. */
  wantedBytes: number;
}

/** A page after the first: what was read, or what Atlas said instead. */
type LaterPage = ExtractsPage | UnknownBatchError | ResponseError;

/**
 * Polls once. For an upload larger than a page a count request comes first, unless `full`, so that the
 * cost of a poll does not grow with the upload: everything is read only when it may be complete.
 * What it read is held by `memory` until that is closed.
 * @throws UnknownBatchError on a 404 of the first page, TransientError, NoMemoryError, StoppingError.
 */
export async function pollOnce(
  context: WorkerContext,
  data: PollData,
  poll: PollOptions,
  memory: PollAccount,
  signal: AbortSignal,
): Promise<Poll> {
  const reading = readExtracts(data, poll, memory, async (page, perPage) => {
    context.stopping.throwIfAborted();
    const request = { page, perPage };
    const room = memory.page();
    const read = await context.atlas.readPage(data, request, signal, room);
    // Nothing is kept of an extract that was too large to take.
    if (read.tooLarge) room.hold(0);
    room.holdItems(read.items.length);
    return read;
  });
  // Nothing is lost of a request that only reads: a worker that stops does not wait for it.
  return unlessAborted(reading, context.stopping);
}

async function readExtracts(
  data: PollData,
  { full, before, perPage, wantedBytes }: PollOptions,
  memory: PollAccount,
  read: (page: number, perPage: number) => Promise<ExtractsPage>,
): Promise<Poll> {
  const total = data.documentIds.length;

  if (!full && total > perPage) {
    const { totalItems } = await read(1, 1);
    if (totalItems !== null && !mayBeComplete(totalItems, total, before)) {
      const news = Math.max(0, totalItems - before.extracts);
      const present = Math.min(total - 1, before.present + news);
      const notRead = { complete: false, overdue: false, unreadable: '', found: null };
      return { ...notRead, present, announced: totalItems };
    }
  }

  memory.expect(wantedBytes);
  const found = new Reconciliation(data.documentIds, data.scoped ? data.reference : null);
  const totals = new Set<number>();
  let repeatedPage = false;
  let tooLargeCount = 0;
  let unreadable = 0;
  const add = ({ page, totalItems, items, tooLarge }: ExtractsPage) => {
    if (totalItems !== null) totals.add(totalItems);
    if (tooLarge) tooLargeCount += 1;
    unreadable += items.filter(({ fileData }) => fileData === null).length;
    const { added } = found.addPage(page, items);
    if (page > 1 && items.length > 0 && added === 0) repeatedPage = true;
    return added;
  };
  // Atlas may have smaller pages than asked for. Where it says nothing of other pages, a full one may
  // have a next one.
  const isFull = ({ items, perPage: own }: ExtractsPage) => items.length >= (own ?? perPage);
  const hasNext = (page: ExtractsPage) => page.hasNext ?? isFull(page);
  // Lists do not shrink: a page that announces less than another is not believed.
  const announced = () => {
    const isSilent = last.totalItems === null && !last.tooLarge;
    return isSilent || totals.size === 0 ? null : Math.max(...totals);
  };

  const pageLimit = Math.max(MIN_PAGE_LIMIT, total * PAGES_PER_DOCUMENT);
  let last = await read(1, perPage);
  let added = add(last);
  let ended = false;
  for (let page = 1; !ended && (hasNext(last) || page < (last.totalPages ?? 1)); ) {
    if (page > 1 && added === 0) {
      // Beyond its end a list is empty, or begins again: where Atlas never spoke of pages, or all that
      // it announced has come.
      const hasAll = totals.size === 1 && found.extractCount >= Math.max(...totals);
      ended = last.items.length === 0 || last.hasNext === null || hasAll;
      if (ended) break;
      throw endless(data, `page ${page} brings nothing new`);
    }
    if (page >= pageLimit) throw endless(data, `it has more than ${pageLimit} pages`);
    const known = Math.min(last.totalPages ?? 0, pageLimit);
    const until = Math.max(page + 1, Math.min(known, page + PAGES_IN_PARALLEL));
    const numbers = Array.from({ length: until - page }, (_, i) => page + 1 + i);
    const pages = await Promise.all(numbers.map((number) => laterPage(read(number, perPage))));
    added = 0;
    for (const one of pages) {
      if (!(one instanceof Error)) {
        added += add(one);
        last = one;
        continue;
      }
      const totalItems = announced();
      const gone = one instanceof UnknownBatchError;
      ended = totalItems === null ? gone && isFull(last) : found.itemCount >= totalItems;
      if (ended) break;
      // A page may be hidden, or what was announced too high: believed when it stays while every
      // document is there.
      const mayBeAll = gone || (totalItems === null && isFull(last));
      const overdue = mayBeAll && found.present === total;
      if (!gone && !overdue) throw one;
      return { ...incomplete(found, totalItems), overdue };
    }
    ended ||= tooLargeCount >= MAX_TOO_LARGE;
    if (ended && tooLargeCount === found.itemCount) throw nothingReadable(data);
    page = until;
  }

  const findings = {
    hasNext: !ended && hasNext(last),
    totalItems: announced(),
    totalItemsChanged: totals.size > 1,
    itemCount: found.itemCount,
    extractCount: found.extractCount,
    repeatedPage,
    missing: total - found.present,
    unreadable,
  };
  return {
    ...incomplete(found, findings.totalItems),
    complete: isComplete(findings),
    overdue: isOverdue(findings),
  };
}

/**
 * Beyond the last page Atlas may answer 404, another 4xx, a 5xx, or the last page once more. Whether it
 * was the last is seen later.
 */
function laterPage(reading: Promise<ExtractsPage>): Promise<LaterPage> {
  return reading.catch((error: unknown) => {
    if (error instanceof UnknownBatchError) return error;
    if (error instanceof ResponseError && BEYOND.some((kind) => error.row.when.includes(kind))) {
      return error;
    }
    throw error;
  });
}

function incomplete(found: Reconciliation, announced: number | null): Poll {
  const { present } = found;
  const unreadable = found.unreadableDigest();
  return { complete: false, overdue: false, unreadable, present, announced, found };
}

/**
 * Each missing document needs at least one extract more. As many as that: read. More than that:
 * some documents have several, and only a list that has stopped growing is worth reading. Fewer
 * than were read before: what was read then says nothing any more. A total that stays may be too low,
 * or count something else: read now and then.
 */
function mayBeComplete(totalItems: number, total: number, before: PollState['seen']): boolean {
  if (totalItems < before.extracts) return true;
  const stays = stayingPolls(before, totalItems);
  if (stays >= BELIEVED_POLLS && Number.isInteger(Math.log2(stays / BELIEVED_POLLS))) return true;
  const needed = before.extracts + (total - before.present);
  if (totalItems <= needed) return totalItems === needed;
  return before.announced === null || before.announced === totalItems;
}

/** It is not one extract that is too large. */
function nothingReadable({ atlasBatchId }: PollData): TransientError {
  return new TransientError(
    'ATLAS_PROTOCOL',
    `none of the first ${MAX_TOO_LARGE} extracts of ${atlasBatchId} can be read: each response is larger than 32 MiB`,
  );
}

function endless({ atlasBatchId }: PollData, why: string): TransientError {
  return new TransientError(
    'ATLAS_PROTOCOL',
    `the list of extracts of ${atlasBatchId} does not end: ${why}`,
  );
}
