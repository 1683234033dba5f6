/**
 * Signs that a list moved while it was read, or goes on where it seemed to end. Where no total is announced nothing else
 * tells it: an extract that was moved to a page that had been read already is on no page.
 */
import type { ReadPage } from './read-page.js';

export class ListDoubts {
  /** Whether there was such a sign. */
  any = false;
  private last: ReadPage | undefined;
  /** Extracts of the largest page. */
  private largest = 0;
  /** The most pages that one of them has spoken of. */
  private pages = 1;

  /** Pages come in their order. */
  note(page: ReadPage): void {
    const { items, totalPages, failure, ready = true } = page;
    const { last } = this;
    if (last) {
      // In a list that stands still only the last page is smaller than others.
      const size = last.perPage ?? Math.max(this.largest, items.length);
      const grew = items.length > 0 && last.items.length < size && !last.failure && !failure;
      const isMissed = items.length === 0 && (!ready || this.announces(page.page));
      if (grew || isMissed) this.any = true;
    }
    this.largest = Math.max(this.largest, items.length);
    this.pages = Math.max(this.pages, totalPages ?? 1);
    this.last = page;
  }

  /** A page that was read has said that there is this one, which follows the last one. */
  announces(page: number): boolean {
    return this.last?.hasNext === true || page <= this.pages;
  }
}
