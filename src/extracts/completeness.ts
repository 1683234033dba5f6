/**
 * Whether Atlas is done with an upload.
 *
 * Atlas does not say so. Two things must be true: every document has an extract, and the list of
 * extracts is exhausted, which means that it was read to its end.
 *
 * Not even the end of the list is certain, because the list can grow while it is read. Then items
 * move from one page to the next: some are read twice, and others are never seen.
 *
 * One case cannot be detected: an extract that Atlas adds after every document has one, and that no
 * `total_items` announced.
 */
import type { PollState } from '../jobs/state/poll-state.js';

/** A total that stays is believed for so many polls, then for twice as many, and so on. */
const BELIEVED_POLLS = 4;

/** What one full poll of an Atlas batch has shown. */
export interface PollFindings {
  /** Whether the last page that was read says that another follows. */
  hasNext: boolean;
  /** The greatest total that a page of this poll announced; null when the last one announced none. */
  totalItems: number | null;
  /** Whether two pages of this poll announced different totals: the list grew while it was read. */
  totalItemsChanged: boolean;
  /** Items read, repeats included. */
  itemCount: number;
  /** Items kept. A repeat that a growing list moved from one page to the next is not kept. */
  extractCount: number;
  /** Whether a page after the first had items, and all of them repeated items of other pages. */
  repeatedPage: boolean;
  /**
   * Whether there was a sign that the list moved while it was read, or goes on where it seemed to end: an item that
   * repeated one of another page, a page after one that was not full, a page that was to follow and was empty.
   */
  doubtful: boolean;
  /** The number of documents without any extract. */
  missing: number;
  /** Items that brought no extract, for nobody can read them: they may be better at the next poll. */
  unreadable: number;
}

/** Whether every document has an extract and nothing more is to come. */
export function isComplete(findings: PollFindings): boolean {
  const { missing, unreadable } = findings;
  return missing === 0 && unreadable === 0 && isExhausted(findings) && !isFilledUp(findings);
}

/**
 * Whether a list that was read to its end has as many items as it announced by its repeats alone. Atlas may hold the same
 * extract twice. Or it lists them in no fixed order, or shows a page again: then another one was on no page.
 */
export function isFilledUp(findings: PollFindings): boolean {
  const { unreadable, extractCount, totalItems } = findings;
  return unreadable === 0 && isExhausted(findings) && extractCount < (totalItems ?? 0);
}

/**
 * Whether every document has an extract and the list ends, but more was announced than is in it,
 * something in it cannot be read, or it repeats itself. What stays so is believed.
 * A list that grew while it was read, by its totals, is read again instead.
 */
export function isOverdue(findings: PollFindings): boolean {
  const { missing, hasNext, totalItems, totalItemsChanged, repeatedPage, itemCount } = findings;
  if (missing > 0 || hasNext) return false;
  if (isExhausted(findings)) return findings.unreadable > 0 || isFilledUp(findings);
  if (totalItems === null) return true;
  return !totalItemsChanged && !repeatedPage && itemCount < totalItems;
}

/**
 * Whether the list was read to its end.
 *
 * As many items as were announced must have been read. Repeats count as items, because Atlas may
 * hold the same extract twice; but see {@link isFilledUp}. In a list that grew they do not count: each stands in the place of
 * an item that was never seen. When no total is announced, only such signs tell that the list
 * grew. Atlas may also hold the same extract twice, and then it is there at the next polls too.
 */
function isExhausted(findings: PollFindings): boolean {
  if (findings.hasNext) return false;
  if (findings.totalItems === null) return !findings.doubtful;
  const read = findings.totalItemsChanged ? findings.extractCount : findings.itemCount;
  return read >= findings.totalItems;
}

/**
 * Each missing document needs at least one extract more. As many as that: read. More than that:
 * some documents have several, and only a list that has stopped growing is worth reading. Fewer
 * than were read before: what was read then says nothing any more. A total that stays may be too low,
 * or count something else: read now and then.
 */
export function mayBeComplete(
  totalItems: number,
  total: number,
  before: PollState['seen'],
): boolean {
  if (totalItems < before.extracts) return true;
  const stays = stayingPolls(before, totalItems);
  if (stays >= BELIEVED_POLLS && Number.isInteger(Math.log2(stays / BELIEVED_POLLS))) return true;
  const needed = before.extracts + (total - before.present);
  if (totalItems <= needed) return totalItems === needed;
  return before.announced === null || before.announced === totalItems;
}

/** Polls in a row before this one that announced the same total. */
export function stayingPolls(before: PollState['seen'], announced: number | null): number {
  return announced === null || announced !== before.announced ? 0 : (before.stays ?? 0) + 1;
}
