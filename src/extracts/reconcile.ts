/**
 * Sorts the extracts of all pages by document: which documents are present, which are missing, and
 * which were never sent; and lists the items that nobody can read.
 *
 * The result depends on what the pages hold and on their numbers. It does not depend on the order
 * in which they arrive, because pages after the first are fetched side by side.
 */
import { createHash } from 'node:crypto';
import { TransientError } from '../errors.js';
import { comparableId } from '../jobs/ids.js';

/**
 * How many unexpected extracts one Atlas batch may hold. A page of somebody else's documents is
 * worth keeping. A thousand mean that this is not our batch, and keeping them all would let the
 * other side fill our memory.
 */
export const MAX_UNEXPECTED = 1_000;

/** How many unreadable items are listed. As many say all that can be learnt of them. */
const MAX_UNREADABLE = 1_000;

/** 96 bits: two lists of one Atlas batch do not share them by chance. */
const DIGEST_LENGTH = 16;

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

/** Where an item stands. `reading` distinguishes two readings of the same page. */
interface Place {
  page: number;
  reading: number;
  /** Within the page. */
  offset: number;
}

/**
 * One text of one document, and how many extracts it stands for. A page that holds it twice means
 * two extracts. Two pages that hold it once mean that the list grew between the two reads. So as
 * many are kept as one page has at most. The n-th of them takes the place of the n-th on the first
 * page that has n.
 */
interface Occurrence {
  fileData: string;
  /** `places[n - 1]` is the earliest place of an n-th one. */
  places: Place[];
  /** The last reading that held it, and how often it has held it so far. */
  reading: number;
  countInReading: number;
}

function comparePlaces(a: Place, b: Place): number {
  return a.page - b.page || a.reading - b.reading || a.offset - b.offset;
}

/** All texts of one document. */
class Occurrences {
  private readonly all: Occurrence[] = [];
  /** Made for the second text. Nearly all documents have one, and hashing it takes a microsecond. */
  private byText: Map<string, Occurrence> | undefined;

  get none(): boolean {
    return this.all.length === 0;
  }

  /** Keeps one item. True when it is new: no earlier page had it, or had as many of it. */
  keep(fileData: string, place: Place): boolean {
    const found = this.byText
      ? this.byText.get(fileData)
      : this.all.find((one) => one.fileData === fileData);
    if (found === undefined) {
      this.add({ fileData, places: [place], reading: place.reading, countInReading: 1 });
      return true;
    }
    found.countInReading = found.reading === place.reading ? found.countInReading + 1 : 1;
    found.reading = place.reading;
    const earliest = found.places[found.countInReading - 1];
    if (earliest === undefined) {
      found.places.push(place);
      return true;
    }
    if (comparePlaces(place, earliest) < 0) found.places[found.countInReading - 1] = place;
    return false;
  }

  inOrder(): { place: Place; fileData: string }[] {
    return this.all
      .flatMap(({ fileData, places }) => places.map((place) => ({ place, fileData })))
      .sort((a, b) => comparePlaces(a.place, b.place));
  }

  private add(occurrence: Occurrence): void {
    this.all.push(occurrence);
    if (this.all.length === 1) return;
    this.byText ??= new Map(this.all.map((one) => [one.fileData, one]));
    this.byText.set(occurrence.fileData, occurrence);
  }
}

/** What the pages of one Atlas batch hold. */
export class Reconciliation {
  /** Documents that have at least one extract. */
  present = 0;
  /** Extracts kept, unexpected ones included. One that is repeated on a later page counts once. */
  extractCount = 0;
  /** Items read, repeats included. */
  itemCount = 0;
  private readonly sent: ReadonlyMap<string, Occurrences>;
  /** The ids that were sent, by their comparable form. Made for the first id that is none of them. */
  private sentIds: ReadonlyMap<string, string | null> | undefined;
  private readonly others = new Map<string, Occurrences>();
  private othersCount = 0;
  /** By document; the text is the reason. */
  private readonly wrong = new Map<string | null, Occurrences>();
  private wrongCount = 0;
  private readonly prefix: string;
  private readings = 0;

  /**
   * @param documentIds the caller's ids in the order sent, unique
   * @param scope the reference when the ids travelled as `<reference>/<documentId>`, else null
   */
  constructor(documentIds: readonly string[], scope: string | null) {
    this.sent = new Map(documentIds.map((id) => [id, new Occurrences()]));
    this.prefix = scope === null ? '' : `${scope}/`;
  }

  /**
   * Adds the items of one page. `added` is the number of those that no earlier page had.
   * @throws {TransientError} `ATLAS_PROTOCOL` beyond {@link MAX_UNEXPECTED}
   */
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
    const scoped = atlasDocumentId?.startsWith(this.prefix) === true;
    const documentId = scoped
      ? this.sentForm(atlasDocumentId.slice(this.prefix.length))
      : atlasDocumentId;
    const isNew = unreadable !== undefined && this.note(documentId, unreadable, place);
    if (documentId === null || fileData === null) return isNew;
    const ours = scoped ? this.sent.get(documentId) : undefined;
    if (ours !== undefined) {
      if (ours.none) this.present += 1;
      return this.count(ours.keep(fileData, place));
    }
    const others = this.others.get(documentId) ?? new Occurrences();
    this.others.set(documentId, others);
    const added = others.keep(fileData, place);
    if (added) this.othersCount += 1;
    if (this.othersCount > MAX_UNEXPECTED) {
      throw new TransientError(
        'ATLAS_PROTOCOL',
        `Atlas answers with more than ${MAX_UNEXPECTED} extracts of documents that were never sent`,
      );
    }
    return this.count(added);
  }

  private count(added: boolean): boolean {
    if (added) this.extractCount += 1;
    return added;
  }

  /** Lists an item that is wrong. True when it is new. */
  private note(documentId: string | null, reason: string, place: Place): boolean {
    if (this.wrongCount >= MAX_UNREADABLE) return false;
    const reasons = this.wrong.get(documentId) ?? new Occurrences();
    this.wrong.set(documentId, reasons);
    const added = reasons.keep(reason, place);
    if (added) this.wrongCount += 1;
    return added;
  }

  /** An id as it was sent, where Atlas writes it in another Unicode form or pads it with blanks. */
  private sentForm(documentId: string): string {
    if (this.sent.has(documentId)) return documentId;
    this.sentIds ??= idsByForm([...this.sent.keys()]);
    return this.sentIds.get(formOf(documentId)) ?? documentId;
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

  /** Extracts of ids that were never sent, in order of their first appearance. */
  unexpected(): DocumentExtracts[] {
    return [...this.others]
      .map(([documentId, occurrences]) => ({ documentId, ordered: occurrences.inOrder() }))
      .sort(({ ordered: [a] }, { ordered: [b] }) => (a && b ? comparePlaces(a.place, b.place) : 0))
      .map(({ documentId, ordered }) => toDocument(documentId, ordered));
  }

  /** Items that nobody can read, and extracts of which a part was lost, as Atlas listed them. */
  unreadable(): UnreadableItem[] {
    return this.wrongInOrder().map(({ documentId, reason }) => ({ documentId, reason }));
  }

  /** Short, and another one for other items or other places in the list; empty without any. */
  unreadableDigest(): string {
    if (this.wrongCount === 0) return '';
    const text = JSON.stringify(this.wrongInOrder().map(({ reason: _, ...item }) => item));
    return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_LENGTH);
  }

  private wrongInOrder(): (UnreadableItem & { place: Place })[] {
    return [...this.wrong]
      .flatMap(([documentId, reasons]) =>
        reasons.inOrder().map(({ place, fileData: reason }) => ({ documentId, reason, place })),
      )
      .sort((a, b) => comparePlaces(a.place, b.place));
  }
}

function formOf(documentId: string): string {
  return comparableId(documentId).trim();
}

/** A form that two ids share stands for neither. */
function idsByForm(ids: readonly string[]): Map<string, string | null> {
  const byForm = new Map<string, string | null>();
  for (const id of ids) byForm.set(formOf(id), byForm.has(formOf(id)) ? null : id);
  return byForm;
}

function toDocument(documentId: string, ordered: { fileData: string }[]): DocumentExtracts {
  return { documentId, extracts: ordered.map(({ fileData }) => fileData) };
}
