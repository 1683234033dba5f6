/**
 * One page of extracts. A page of one extract that nobody can read is a page all the same: of one item that
 * is unreadable, so that the others of the list count.
 *
 * The documentation counts pages from 1. An Atlas that counts from 0 would hide its first page from us for
 * ever: where it says that a page precedes page 1, or page 1 is empty although extracts are announced, page 0
 * is asked for too, and when that is another one, the list begins there. An Atlas that only announces extracts
 * before it has them would cost a request more at each poll: see {@link isWorthAsking}.
 */
import type { ExtractsPage } from '../../../atlas/client.js';
import { ResponseError } from '../../../atlas/responses/response-errors.js';
import { UnknownBatchError } from '../../../errors.js';
import { stayingPolls } from '../../../extracts/completeness.js';
import { formOfExtract } from '../../../extracts/extract-form.js';
import type { PageItem } from '../../../extracts/reconcile.js';
import type { PollData, PollState } from '../../../jobs/state/poll-state.js';
import type { WorkerContext } from '../../context.js';
import type { PageMemory, PollAccount } from './poll-memory.js';

export interface ReadPage extends ExtractsPage {
  /** Why its only extract cannot be read. */
  failure?: ResponseError;
}

export type PageReader = (page: number, perPage: number) => Promise<ReadPage>;

/** What the reading of a page depends on. */
export interface PageOptions {
  /** What was wrong with pages has lasted until they were of one extract. */
  single: boolean;
  /** Reads everything, whatever was announced. */
  full: boolean;
  /** What earlier polls have shown. */
  before: PollState['seen'];
}

export function createPageReader(
  context: WorkerContext,
  data: PollData,
  options: PageOptions,
  memory: PollAccount,
  signal: AbortSignal,
): PageReader {
  /** The number of the first page; null until the first one that is read has shown it. */
  let firstNumber: 0 | 1 | null = null;
  let saidOfFirst: number | null = null;

  const ask = async (number: number, perPage: number, room: PageMemory) => {
    const asked = { page: number, perPage, saidOfFirst };
    const read = await context.atlas.readPage(data, asked, signal, room);
    room.holdItems(read.items.length);
    return read;
  };

  /** What Atlas has as page 0; null where that is nothing else than `first`. */
  const pageZero = async (first: ExtractsPage, perPage: number) => {
    const room = memory.page();
    try {
      const read = await ask(0, perPage, room);
      if (read.items.length > 0 && !areSame(read.items, first.items)) return read;
    } catch (error) {
      if (!(error instanceof UnknownBatchError || error instanceof ResponseError)) throw error;
    }
    room.hold(0);
    return null;
  };

  return async (page, perPage) => {
    context.stopping.throwIfAborted();
    const room = memory.page();
    try {
      const read = await ask(page - 1 + (firstNumber ?? 1), perPage, room);
      if (firstNumber !== null) return { ...read, page };
      const zero = mayFollowAnother(read, options) ? await pageZero(read, perPage) : null;
      firstNumber = zero ? 0 : 1;
      if (zero === null) {
        saidOfFirst = read.saidPage;
        return read;
      }
      room.hold(0);
      return { ...zero, page };
    } catch (error) {
      if (perPage > 1 || !(error instanceof ResponseError)) throw error;
      const { halve } = error.row;
      if (halve === undefined || (halve === 'when-it-lasts' && !options.single)) throw error;
      // Nothing is kept of it.
      room.hold(0);
      room.holdItems(1);
      return unreadableExtract(page, error);
    }
  };
}

/** However they are written. */
function areSame(items: readonly PageItem[], others: readonly PageItem[]): boolean {
  const isSame = (one: PageItem, other: PageItem | undefined) =>
    one.atlasDocumentId === other?.atlasDocumentId && formOf(one) === formOf(other);
  return items.length === others.length && items.every((one, i) => isSame(one, others[i]));
}

function formOf({ fileData }: PageItem): string | null {
  return fileData === null ? null : formOfExtract(fileData);
}

function mayFollowAnother(
  { hasPrev, items, totalItems }: ExtractsPage,
  options: PageOptions,
): boolean {
  if (hasPrev !== null) return hasPrev;
  return items.length === 0 && (totalItems ?? 0) > 0 && isWorthAsking(totalItems, options);
}

/**
 * Of the polls that find the same total and no extract, the first, second, fourth, eighth and so on ask, and the
 * last one of all. Where extracts were read before, the list is known to begin on page 0.
 */
function isWorthAsking(totalItems: number | null, { full, before }: PageOptions): boolean {
  const poll = stayingPolls(before, totalItems) + 1;
  return full || before.extracts > 0 || Number.isInteger(Math.log2(poll));
}

/** The place of an extract in the list, which is all that is known of it. */
function unreadableExtract(place: number, failure: ResponseError): ReadPage {
  const unreadable = `extract ${place} of the list cannot be read: ${failure.message}`;
  const items = [{ atlasDocumentId: null, fileData: null, unreadable }];
  const unknown = { saidPage: null, perPage: null, totalPages: null, totalItems: null };
  return { ...unknown, hasNext: null, hasPrev: null, items, page: place, failure };
}
