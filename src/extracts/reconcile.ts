/**
 * Sorts the extracts of all pages by document: which documents are present, which are missing, and
 * which were never sent; and lists the items that nobody can read.
 *
 * The result depends on what the pages hold and on their numbers. It does not depend on the order
 * in which they arrive, because pages after the first are fetched side by side.
 */
import { createHash } from 'node:crypto';
import { foldedForm, receivedForm } from '../jobs/ids.js';
import { addForm, formOfExtract, shortDigest } from './extract-form.js';
import { comparePlaces, Occurrences, type Place } from './occurrences.js';

/**
 * How many unexpected extracts are kept of one Atlas batch. A page of somebody else's documents is
 * worth keeping. A thousand say all that can be learnt of them, and keeping them all would let the
 * other side fill our memory. The others are counted.
 */
export const MAX_UNEXPECTED = 1_000;

/** The same of unreadable items. */
export const MAX_UNREADABLE = 1_000;

/** One item of `data`: the id as Atlas sent it, and `file_data` as raw JSON text. */
export interface PageItem {
  /** Null when nobody can read it. */
  atlasDocumentId: string | null;
  /** Null when nobody can read it. */
  fileData: string | null;
  /** What is wrong with the item; one that has both is kept all the same. */
  unreadable?: string;
}

/** An item that was wrong, with the caller's own id where it is known. */
export interface UnreadableItem {
  documentId: string | null;
  reason: string;
}

/** All extracts of one document, in Atlas's order, each as raw JSON text. */
export interface DocumentExtracts {
  /** The caller's own id. */
  documentId: string;
  extracts: string[];
}

/** What is counted and not kept: all that there is of each is a digest. */
class Counted {
  private readonly digests = new Set<string>();

  get size(): number {
    return this.digests.size;
  }

  /** True when it is new. */
  add(documentId: string | null, text: string): boolean {
    const digest = createHash('sha256').update(JSON.stringify(documentId)).update(text);
    const before = this.size;
    this.digests.add(shortDigest(digest));
    return this.size > before;
  }
}

/** The forms by which an id is found that was sent in another one, from the strictest on. */
const FORMS = [receivedForm, foldedForm];

/** What the pages of one Atlas batch hold. */
export class Reconciliation {
  /** Documents that have at least one extract. */
  present = 0;
  /** Different extracts, unexpected ones included. One that is repeated on a later page counts once, however it is written. */
  extractCount = 0;
  /** Items read, repeats included. */
  itemCount = 0;
  private readonly sent: ReadonlyMap<string, Occurrences>;
  /** The ids that were sent, by each of {@link FORMS}. Made for the first id that is none of them. */
  private readonly sentIds: ReadonlyMap<string, string | null>[] = [];
  private readonly others = new Map<string, Occurrences>();
  private othersCount = 0;
  private readonly othersBeyond = new Counted();
  /** By document; the text is the reason. */
  private readonly wrong = new Map<string | null, Occurrences>();
  private wrongCount = 0;
  private readonly wrongBeyond = new Counted();
  private readonly prefix: string;
  private readonly foldedPrefix: string;
  private readings = 0;

  /**
   * @param documentIds the caller's ids in the order sent, unique
   * @param scope the reference when the ids travelled as `<reference>/<documentId>`, else null
   */
  constructor(documentIds: readonly string[], scope: string | null) {
    this.sent = new Map(documentIds.map((id) => [id, new Occurrences(formOfExtract)]));
    this.prefix = scope === null ? '' : `${scope}/`;
    this.foldedPrefix = foldedForm(this.prefix);
  }

  /** Extracts of ids that were never sent. {@link MAX_UNEXPECTED} of them are kept, those that came first. */
  get unexpectedCount(): number {
    return this.othersCount + this.othersBeyond.size;
  }

  /** Items that are wrong. {@link MAX_UNREADABLE} of them are listed. */
  get unreadableCount(): number {
    return this.wrongCount + this.wrongBeyond.size;
  }

  /** Adds the items of one page. `added` is the number of those that no earlier page had. */
  addPage(page: number, items: readonly PageItem[]): { added: number } {
    this.readings += 1;
    let added = 0;
    for (const [offset, item] of items.entries()) {
      if (this.add(item, { page, reading: this.readings, offset })) added += 1;
    }
    this.itemCount += items.length;
    return { added };
  }

  private add({ atlasDocumentId, fileData, unreadable }: PageItem, place: Place): boolean {
    const unscoped = atlasDocumentId === null ? null : this.unscoped(atlasDocumentId);
    const documentId = unscoped === null ? atlasDocumentId : this.sentForm(unscoped);
    const isNew = unreadable !== undefined && this.note(documentId, unreadable, place);
    if (documentId === null || fileData === null) return isNew;
    const ours = unscoped === null ? undefined : this.sent.get(documentId);
    if (ours?.none) this.present += 1;
    const added = ours ? ours.keep(fileData, place) : this.keepOther(documentId, fileData, place);
    if (added) this.extractCount += 1;
    return added;
  }

  private keepOther(documentId: string, fileData: string, place: Place): boolean {
    if (this.othersCount >= MAX_UNEXPECTED) {
      const isKept = this.others.get(documentId)?.has(fileData);
      return !isKept && this.othersBeyond.add(documentId, formOfExtract(fileData));
    }
    const others = this.others.get(documentId) ?? new Occurrences(formOfExtract);
    this.others.set(documentId, others);
    const added = others.keep(fileData, place);
    if (added) this.othersCount += 1;
    return added;
  }

  /** Lists an item that is wrong. True when it is new. */
  private note(documentId: string | null, reason: string, place: Place): boolean {
    if (this.wrongCount >= MAX_UNREADABLE) {
      const isListed = this.wrong.get(documentId)?.has(reason);
      return !isListed && this.wrongBeyond.add(documentId, reason);
    }
    const reasons = this.wrong.get(documentId) ?? new Occurrences((reason) => reason);
    this.wrong.set(documentId, reasons);
    const added = reasons.keep(reason, place);
    if (added) this.wrongCount += 1;
    return added;
  }

  /** The id without the reference that it travels with; null when it comes with another, or without one. */
  private unscoped(id: string): string | null {
    if (id.startsWith(this.prefix)) return id.slice(this.prefix.length);
    // A reference holds no slash. What may happen to an id may happen to a reference.
    const slash = id.indexOf('/') + 1;
    return foldedForm(id.slice(0, slash)) === this.foldedPrefix ? id.slice(slash) : null;
  }

  /** An id as it was sent, where Atlas writes it in another form of which there is one only. */
  private sentForm(documentId: string): string {
    if (this.sent.has(documentId)) return documentId;
    for (const [index, form] of FORMS.entries()) {
      this.sentIds[index] ??= idsByForm(this.sent.keys(), form);
      const found = this.sentIds[index].get(form(documentId));
      if (typeof found === 'string') return found;
    }
    return documentId;
  }

  /** Positions in `documentIds` of the documents without an extract, ascending. */
  missing(): number[] {
    return [...this.sent.values()].flatMap(({ none }, position) => (none ? [position] : []));
  }

  /** The present ones only, in the order sent. */
  documents(): DocumentExtracts[] {
    return [...this.sent]
      .filter(([, { none }]) => !none)
      .map(([documentId, occurrences]) => toDocument(documentId, occurrences.inOrder()));
  }

  /** Those kept of ids that were never sent, in order of their first appearance. */
  unexpected(): DocumentExtracts[] {
    return [...this.others]
      .map(([documentId, occurrences]) => ({ documentId, ordered: occurrences.inOrder() }))
      .sort(({ ordered: [a] }, { ordered: [b] }) => (a && b ? comparePlaces(a, b) : 0))
      .map(({ documentId, ordered }) => toDocument(documentId, ordered));
  }

  /** Items that nobody can read, and extracts of which a part was lost, as Atlas listed them: the first. */
  unreadable(): UnreadableItem[] {
    return this.wrongInOrder().map(({ documentId, reason }) => ({ documentId, reason }));
  }

  /** Short, and another one for other items or other places in the list; empty without any. */
  unreadableDigest(): string {
    if (this.wrongCount === 0) return '';
    const text = JSON.stringify(this.wrongInOrder().map(({ reason: _, ...item }) => item));
    return shortDigest(createHash('sha256').update(text));
  }

  /** Short, and another one for other extracts of a document, or for another order of them. */
  digest(): string {
    const hash = createHash('sha256').update(this.unreadableDigest());
    for (const [documentId, occurrences] of this.sent) {
      hash.update(JSON.stringify(documentId));
      for (const { fileData } of occurrences.inOrder()) addForm(hash, fileData);
    }
    return shortDigest(hash);
  }

  private wrongInOrder(): (UnreadableItem & Place)[] {
    return [...this.wrong]
      .flatMap(([documentId, reasons]) =>
        reasons
          .inOrder()
          .map(({ fileData: reason, ...place }) => ({ documentId, reason, ...place })),
      )
      .sort(comparePlaces);
  }
}

/** A form that two ids share stands for neither. */
function idsByForm(
  ids: Iterable<string>,
  formOf: (id: string) => string,
): Map<string, string | null> {
  const byForm = new Map<string, string | null>();
  for (const id of ids) {
    const form = formOf(id);
    byForm.set(form, byForm.has(form) ? null : id);
  }
  return byForm;
}

function toDocument(documentId: string, ordered: { fileData: string }[]): DocumentExtracts {
  return { documentId, extracts: ordered.map(({ fileData }) => fileData) };
}
