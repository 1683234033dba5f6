/**
 * Sorts the extracts of all pages by document: which documents are present, which are missing, and
 * which were never sent.
 *
 * The result depends on what the pages hold and on their numbers. It does not depend on the order
 * in which they arrive, because pages after the first are fetched side by side.
 */
import { TransientError } from '../errors.js';

/**
 * How many unexpected extracts one Atlas batch may hold. A page of somebody else's documents is
 * worth keeping. A thousand mean that this is not our batch, and keeping them all would let the
 * other side fill our memory.
 */
export const MAX_UNEXPECTED = 1_000;

/** One item of `data`: the id as Atlas sent it, and `file_data` as raw JSON text. */
export interface PageExtract {
  atlasDocumentId: string;
  fileData: string;
}

/** All extracts of one document, in Atlas's order, each as raw JSON text. */
export interface DocumentExtracts {
  /** The caller's own id. */
  documentId: string;
  extracts: string[];
}

export interface Reconciliation {
  /**
   * Adds the items of one page. `added` is the number of those that no earlier page had.
   * @throws {TransientError} `ATLAS_PROTOCOL` beyond {@link MAX_UNEXPECTED}
   */
  addPage(page: number, extracts: readonly PageExtract[]): { added: number };
  /** Documents that have at least one extract. */
  readonly present: number;
  /** Extracts kept, unexpected ones included. One that is repeated on a later page counts once. */
  readonly extractCount: number;
  /** Items read, repeats included. */
  readonly itemCount: number;
  /** Positions in `documentIds` of the documents without an extract, ascending. */
  missing(): number[];
  /** The present ones only, in the order sent. */
  documents(): DocumentExtracts[];
  /** Extracts of ids that were never sent, in order of their first appearance. */
  unexpected(): DocumentExtracts[];
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
    const found = this.find(fileData);
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

  private find(fileData: string): Occurrence | undefined {
    if (this.byText !== undefined) return this.byText.get(fileData);
    return this.all.find((one) => one.fileData === fileData);
  }

  private add(occurrence: Occurrence): void {
    this.all.push(occurrence);
    if (this.all.length === 1) return;
    this.byText ??= new Map(this.all.map((one) => [one.fileData, one]));
    this.byText.set(occurrence.fileData, occurrence);
  }
}

/**
 * @param documentIds the caller's ids in the order sent, unique
 * @param scope the reference when the ids travelled as `<reference>/<documentId>`, else null
 */
export function createReconciliation(
  documentIds: readonly string[],
  scope: string | null,
): Reconciliation {
  const sent = new Map<string, Occurrences>(documentIds.map((id) => [id, new Occurrences()]));
  const unexpected = new Map<string, Occurrences>();
  const prefix = scope === null ? '' : `${scope}/`;
  let readings = 0;
  let present = 0;
  let kept = 0;
  let items = 0;
  let unexpectedKept = 0;

  function add(item: PageExtract, place: Place): boolean {
    const { atlasDocumentId } = item;
    const scoped = atlasDocumentId.startsWith(prefix);
    const documentId = scoped ? atlasDocumentId.slice(prefix.length) : atlasDocumentId;
    const ours = scoped ? sent.get(documentId) : undefined;
    if (ours !== undefined) {
      if (ours.none) present += 1;
      return ours.keep(item.fileData, place);
    }
    const others = unexpected.get(documentId) ?? new Occurrences();
    unexpected.set(documentId, others);
    const added = others.keep(item.fileData, place);
    if (added) unexpectedKept += 1;
    if (unexpectedKept > MAX_UNEXPECTED) {
      throw new TransientError(
        'ATLAS_PROTOCOL',
        `Atlas answers with more than ${MAX_UNEXPECTED} extracts of documents that were never sent`,
      );
    }
    return added;
  }

  return {
    addPage(page, extracts) {
      readings += 1;
      let added = 0;
      for (const [offset, item] of extracts.entries()) {
        if (add(item, { page, reading: readings, offset })) added += 1;
      }
      kept += added;
      items += extracts.length;
      return { added };
    },
    get present() {
      return present;
    },
    get extractCount() {
      return kept;
    },
    get itemCount() {
      return items;
    },
    missing() {
      return documentIds.flatMap((id, position) => (sent.get(id)?.none ? [position] : []));
    },
    documents() {
      return [...sent]
        .filter(([, occurrences]) => !occurrences.none)
        .map(([documentId, occurrences]) => ({
          documentId,
          extracts: occurrences.inOrder().map(({ fileData }) => fileData),
        }));
    },
    unexpected() {
      return [...unexpected]
        .map(([documentId, occurrences]) => ({ documentId, ordered: occurrences.inOrder() }))
        .sort(({ ordered: [a] }, { ordered: [b] }) =>
          a === undefined || b === undefined ? 0 : comparePlaces(a.place, b.place),
        )
        .map(({ documentId, ordered }) => ({
          documentId,
          extracts: ordered.map(({ fileData }) => fileData),
        }));
    },
  };
}
