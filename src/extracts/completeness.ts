/** What one full poll of an Atlas batch has shown. */
export interface PollFindings {
  /** Of the last page read. */
  hasNext: boolean;
  /** The greatest that a page of this poll announced; null when the last one did not. */
  totalItems: number | null;
  /** Whether two pages of this poll announced different totals: the list grew while it was read. */
  totalItemsChanged: boolean;
  /** Items read, repeats included. */
  itemCount: number;
  /** Items kept: without the repeats that a growing list pushes from one page to the next. */
  extractCount: number;
  /**
   * Whether a page after the first had items, and all of them repeated others: the list moved by a
   * whole page while it was read, or the page was not the one that it said it was.
   */
  repeatedPage: boolean;
  /** Documents without any extract. */
  missing: number;
}

/**
 * Whether Atlas is done with an upload.
 *
 * Announced items that were not read are waited for. Items that repeat others count as read,
 * for Atlas may hold the same extract twice; only in a list that grew while it was read do they
 * stand in the place of items that were pushed past us. Without a total, a page of nothing but
 * repeats is all that tells of a page that was never seen: the list is read again. A further extract that no `total_items`
 * announces, and that comes after every document has one, is missed: nothing tells of it.
 */
export function isComplete(findings: PollFindings): boolean {
  if (findings.hasNext || findings.missing > 0) return false;
  if (findings.totalItems === null) return !findings.repeatedPage;
  const read = findings.totalItemsChanged ? findings.extractCount : findings.itemCount;
  return read >= findings.totalItems;
}
