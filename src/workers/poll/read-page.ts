/**
 * One page of extracts. A page of one extract that nobody can read is a page all the same: of one item that
 * is unreadable, so that the others of the list count.
 */
import type { ExtractsPage } from '../../atlas/client.js';
import { ResponseError } from '../../atlas/response-errors.js';
import type { PollData } from '../../jobs/poll-state.js';
import type { WorkerContext } from '../context.js';
import type { PollAccount } from './poll-memory.js';

export interface ReadPage extends ExtractsPage {
  /** Why its only extract cannot be read. */
  failure?: ResponseError;
}

export type PageReader = (page: number, perPage: number) => Promise<ReadPage>;

/** @param single What is wrong with a page has lasted until it was asked for with one extract. */
export function createPageReader(
  context: WorkerContext,
  data: PollData,
  single: boolean,
  memory: PollAccount,
  signal: AbortSignal,
): PageReader {
  return async (page, perPage) => {
    context.stopping.throwIfAborted();
    const room = memory.page();
    try {
      const read = await context.atlas.readPage(data, { page, perPage }, signal, room);
      room.holdItems(read.items.length);
      return read;
    } catch (error) {
      if (perPage > 1 || !(error instanceof ResponseError)) throw error;
      const { halve } = error.row;
      if (halve === undefined || (halve === 'when-it-lasts' && !single)) throw error;
      // Nothing is kept of it.
      room.hold(0);
      room.holdItems(1);
      return unreadableExtract(page, error);
    }
  };
}

/** The place of an extract in the list, which is all that is known of it. */
function unreadableExtract(place: number, failure: ResponseError): ReadPage {
  const unreadable = `extract ${place} of the list cannot be read: ${failure.message}`;
  const items = [{ atlasDocumentId: null, fileData: null, unreadable }];
  const unknown = { perPage: null, totalPages: null, totalItems: null, hasNext: null };
  return { ...unknown, items, page: place, failure };
}
