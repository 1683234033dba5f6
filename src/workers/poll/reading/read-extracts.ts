/** One poll of an Atlas batch: pages -> what is present, what is missing. */
import { ResponseError } from '../../../atlas/responses/response-errors.js';
import { TransientError, UnknownBatchError } from '../../../errors.js';
import {
  isComplete,
  isFilledUp,
  isOverdue,
  mayBeComplete,
} from '../../../extracts/completeness.js';
import { Reconciliation } from '../../../extracts/reconcile.js';
import type { PollData } from '../../../jobs/state/poll-state.js';
import { unlessAborted } from '../../../timeouts.js';
import type { WorkerContext } from '../../context.js';
import type { PollReading } from '../poll-event.js';
import { ListDoubts } from './list-doubts.js';
import { ListTooLargeError } from './memory-errors.js';
import type { PollAccount } from './poll-memory.js';
import { createPageReader, type PageOptions, type PageReader, type ReadPage } from './read-page.js';

/** Pages read at once: enough to hide the way to Atlas, few enough to leave room for others. */
export const PAGES_IN_PARALLEL = 4;
/** A list longer than this many pages, or than its documents explain, never ends. */
const MIN_PAGE_LIMIT = 1000;
const PAGES_PER_DOCUMENT = 4;
/**
 * So many extracts in a row that nobody can read end a list: where that is the fault of Atlas, and not of
 * extracts, no more is asked. As many in all, when each costs as much as a response may, in bytes or in time.
 */
const MAX_UNREAD = 8;
const COSTLY = ['too-large', 'timed-out'] as const;
/** The rows of what may be answered beyond the last page. */
const BEYOND = ['5xx', 'unusable', 'another-page', 'other'] as const;

export interface Poll extends PollReading {
  found: Reconciliation | null;
}

const NOT_COMPLETE = { complete: false, overdue: false, failing: false, filledUp: false } as const;

interface PollOptions extends PageOptions {
  /** Extracts asked for at once. */
  perPage: number;
  /** What an earlier poll found no room for; 0 when none did. */
  wantedBytes: number;
  /** Told what the pages are read into, before the first. When the poll fails, it has those that were read. */
  onBegin?: (found: Reconciliation) => void;
}

/** A page after the first: what was read, or what Atlas said instead. */
type LaterPage = ReadPage | UnknownBatchError | ResponseError | ListTooLargeError;

/**
 * Polls once. For an upload larger than a page a count request comes first, unless `full`, so that the
 * cost of a poll does not grow with the upload: everything is read only when it may be complete.
 * What it read is held by `memory` until that is closed.
 * @throws UnknownBatchError on a 404 of the first page, TransientError, ListTooLargeError, NoMemoryError, StoppingError.
 */
export async function pollOnce(
  context: WorkerContext,
  data: PollData,
  poll: PollOptions,
  memory: PollAccount,
  signal: AbortSignal,
): Promise<Poll> {
  const readPage = createPageReader(context, data, poll, memory, signal);
  const reading = readExtracts(data, poll, memory, readPage);
  // Nothing is lost of a request that only reads: a worker that stops does not wait for it.
  return unlessAborted(reading, context.stopping);
}

async function readExtracts(
  data: PollData,
  { full, before, perPage, wantedBytes, onBegin }: PollOptions,
  memory: PollAccount,
  read: PageReader,
): Promise<Poll> {
  const total = data.documentIds.length;
  if (!full && total > perPage) {
    const { totalItems } = await read(1, 1);
    if (totalItems !== null && !mayBeComplete(totalItems, total, before)) {
      const news = Math.max(0, totalItems - before.extracts);
      const present = Math.min(total - 1, before.present + news);
      const notRead = { ...NOT_COMPLETE, toStay: '', found: null };
      return { ...notRead, present, announced: totalItems };
    }
  }

  memory.expect(wantedBytes);
  const found = new Reconciliation(data.documentIds, data.scoped ? data.reference : null);
  onBegin?.(found);
  const totals = new Set<number>();
  let repeatedPage = false;
  const doubts = new ListDoubts();
  const unread = { all: 0, inARow: 0, costly: 0, lasting: 0 };
  let unreadable = 0;
  const add = (read: ReadPage) => {
    const { page, totalItems, items, failure, ready = true } = read;
    // Of a later page, "not ready" says nothing of the list.
    if (totalItems !== null && (ready || page === 1)) totals.add(totalItems);
    doubts.note(read);
    unread.inARow = failure ? unread.inARow + 1 : 0;
    if (failure) unread.all += 1;
    if (failure && isCostly(failure)) unread.costly += 1;
    if (failure?.row.halve === 'when-it-lasts') unread.lasting += 1;
    unreadable += items.filter(({ fileData }) => fileData === null).length;
    const { added } = found.addPage(page, items);
    // More than asked for: pages mean nothing to this Atlas, and each of them is the whole list.
    const isWholeList = items.length > perPage && added === 0;
    if (page === 1 || isWholeList || added === items.length) return added;
    doubts.any = true;
    if (added === 0) repeatedPage = true;
    return added;
  };
  // Atlas may have smaller pages than asked for.
  const isFull = ({ items, perPage: own }: ReadPage) => items.length >= (own ?? perPage);
  // Where Atlas does not say, a next page is likely when more was announced; without totals, after a
  // full page; and where it says nothing at all, as long as documents are missing.
  const hasNext = (page: ReadPage): boolean => {
    if (page.hasNext !== null || page.items.length === 0) return page.hasNext ?? false;
    if (totals.size > 0) return !hasAll();
    if (page.totalPages !== null) return page.page < page.totalPages;
    return isFull(page) || (page.perPage === null && found.present < total);
  };
  // Lists do not shrink: a page that announces less than another is not believed.
  const announced = () => {
    const isSilent = last.totalItems === null && !last.failure;
    return isSilent || totals.size === 0 ? null : Math.max(...totals);
  };
  const hasAll = () => totals.size > 0 && found.itemCount >= Math.max(...totals);

  const readSoFar = (totalItems: number | null, overdue = false): Poll => ({
    ...{ ...NOT_COMPLETE, found, present: found.present, announced: totalItems, overdue },
    // Without a total each poll may have read the pages of a list that moves in another order.
    toStay: overdue && totalItems === null ? found.digest() : found.unreadableDigest(),
    failing: unread.lasting > 0,
  });

  const pageLimit = Math.max(MIN_PAGE_LIMIT, total * PAGES_PER_DOCUMENT);
  let last = await read(1, perPage);
  let added = add(last);
  let ended = false;
  for (let page = 1; !ended && (hasNext(last) || page < (last.totalPages ?? 1)); ) {
    if (page > 1 && added === 0) {
      // Beyond its end a list is empty, or begins again: where Atlas never spoke of pages, or all that
      // it announced has come.
      const repeats = totals.size === 1 && found.extractCount >= Math.max(...totals);
      ended = last.items.length === 0 || last.hasNext === null || repeats;
      if (ended) break;
      // Believed when it stays while every document is there.
      if (totals.size === 0 && found.present === total) {
        return readSoFar(null, true);
      }
      throw endless(data, `page ${page} brings nothing new`);
    }
    if (page >= pageLimit) throw endless(data, `it has more than ${pageLimit} pages`);
    const known = Math.min(last.totalPages ?? 0, pageLimit);
    // Without a total, only the order of reading tells that the list grew meanwhile.
    const atOnce = totals.size > 0 ? PAGES_IN_PARALLEL : 1;
    const until = Math.max(page + 1, Math.min(known, page + atOnce));
    const numbers = Array.from({ length: until - page }, (_, i) => page + 1 + i);
    const pages = await Promise.all(numbers.map((number) => laterPage(read(number, perPage))));
    added = 0;
    let tooLarge: ListTooLargeError | undefined;
    for (const one of pages) {
      if (one instanceof ListTooLargeError) {
        tooLarge = one;
        continue;
      }
      // Beyond the end, or the only thing that is read of a list.
      if (!(one instanceof Error)) {
        ended = one.failure !== undefined && hasAll();
        if (ended) break;
        added += add(one);
        last = one;
        continue;
      }
      const totalItems = announced();
      const gone = one instanceof UnknownBatchError;
      const isGuess = last.hasNext === null && !isFull(last);
      // One that was announced may only be hidden for a moment.
      const mayEnd = gone && isFull(last) && !doubts.announces(last.page + 1);
      ended = totalItems === null ? mayEnd : found.itemCount >= totalItems;
      ended ||= isGuess && page >= (last.totalPages ?? 1);
      if (ended) break;
      // A page may be hidden, or what was announced too high: believed when it stays while every
      // document is there.
      const mayBeAll = gone || (totalItems === null && isFull(last));
      const overdue = mayBeAll && found.present === total;
      if (!gone && !overdue) throw one;
      return readSoFar(totalItems, overdue);
    }
    if (tooLarge) throw tooLarge;
    ended ||= unread.inARow >= MAX_UNREAD || unread.costly >= MAX_UNREAD;
    if (ended && unread.all === found.itemCount) throw nothingReadable(data, last.failure);
    page = until;
  }

  const findings = {
    hasNext: !ended && hasNext(last),
    totalItems: announced(),
    totalItemsChanged: totals.size > 1,
    itemCount: found.itemCount,
    extractCount: found.extractCount,
    repeatedPage,
    doubtful: doubts.any,
    missing: total - found.present,
    unreadable,
  };
  const filledUp = isFilledUp(findings);
  const soFar = readSoFar(findings.totalItems, isOverdue(findings));
  const toStay = filledUp ? { toStay: found.digest() } : {};
  return { ...soFar, ...toStay, complete: isComplete(findings), filledUp };
}

/**
 * Beyond the last page Atlas may answer 404, another 4xx, a 5xx, or the last page once more. Whether it
 * was the last is seen later. One that does not fit costs none that was read beside it.
 */
function laterPage(reading: Promise<ReadPage>): Promise<LaterPage> {
  return reading.catch((error: unknown) => {
    if (error instanceof UnknownBatchError || error instanceof ListTooLargeError) return error;
    if (error instanceof ResponseError && BEYOND.some((kind) => error.row.when.includes(kind))) {
      return error;
    }
    throw error;
  });
}

function isCostly({ row }: ResponseError): boolean {
  return COSTLY.some((kind) => row.when.includes(kind));
}

/** It is not one extract that is bad. */
function nothingReadable(
  { atlasBatchId }: PollData,
  failure: ResponseError | undefined,
): TransientError {
  const { code, message } = failure?.reason ?? { code: 'ATLAS_PROTOCOL', message: '' };
  return new TransientError(
    code,
    `no extract of ${atlasBatchId} that was asked for can be read: ${message}`,
  );
}

function endless({ atlasBatchId }: PollData, why: string): TransientError {
  return new TransientError(
    'ATLAS_PROTOCOL',
    `the list of extracts of ${atlasBatchId} does not end: ${why}`,
  );
}
