/**
 * Pages of extracts in, present, missing and unexpected documents out.
 *
 * The answer depends on what the pages hold and on their numbers, not on the order in which they
 * arrive: pages after the first are fetched side by side.
 */

import { TransientError } from '../errors.js';

/**
 * How many extracts of documents that were never sent one Atlas batch may hold. A page of
 * somebody else's documents is worth keeping; a thousand of them mean that this is not our batch,
 * and keeping them all would let the other side fill our memory.
 */
export const MAX_UNEXPECTED = 1_000;

/** One item of `data`: the id as Atlas sent it, and `file_data` as raw JSON text. */
export interface PageExtract {
  documentId: string;
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
   * Takes in the items of one page. `added` counts those that no earlier page had.
   * @throws {TransientError} `ATLAS_PROTOCOL` beyond {@link MAX_UNEXPECTED}
   */
  addPage(page: number, extracts: readonly PageExtract[]): { added: number };
  /** Documents that have at least one extract. */
  readonly present: number;
  /** Extracts kept, unexpected ones included; an extract repeated on a later page counts once. */
  readonly extractCount: number;
  /** Items read, repeats included. */
  readonly itemCount: number;
  /** Indexes into `documentIds`, ascending. */
  missing(): number[];
  /** The present ones only, in the order sent. */
  documents(): DocumentExtracts[];
  /** Extracts of ids that were never sent, in order of their first appearance. */
  unexpected(): DocumentExtracts[];
}

/** Where an item stands: page, then position; `reading` tells two readings of one page apart. */
interface Place {
  page: number;
  reading: number;
  position: number;
}

/**
 * One text of one document. A page that holds it twice means two extracts; a second page that
 * holds it means that the list grew between two reads. So as many are kept as the richest page
 * has, and the n-th of them stands where the first page with n of them has its n-th.
 */
interface Occurrence {
  fileData: string;
  /** `places[n - 1]`: the earliest n-th. */
  places: Place[];
  /** The last reading that held it, and how often it did so far. */
  reading: number;
  countInReading: number;
}

function comparePlaces(a: Place, b: Place): number {
  return a.page - b.page || a.reading - b.reading || a.position - b.position;
}

/** All texts of one document. */
class Occurrences {
  private readonly all: Occurrence[] = [];
  /** From the second text on: nearly all documents have one, and to hash it costs a microsecond. */
  private byText: Map<string, Occurrence> | undefined;

  get none(): boolean {
    return this.all.length === 0;
  }

  /** Keeps one item; true when no other page had it (or had as many of it) before. */
  keep(fileData: string, place: Place): boolean {
    const known = this.find(fileData);
    if (known === undefined) {
      this.add({ fileData, places: [place], reading: place.reading, countInReading: 1 });
      return true;
    }
    known.countInReading = known.reading === place.reading ? known.countInReading + 1 : 1;
    known.reading = place.reading;
    const earliest = known.places[known.countInReading - 1];
    if (earliest === undefined) {
      known.places.push(place);
      return true;
    }
    if (comparePlaces(place, earliest) < 0) known.places[known.countInReading - 1] = place;
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
    const scoped = item.documentId.startsWith(prefix);
    const documentId = scoped ? item.documentId.slice(prefix.length) : item.documentId;
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
      for (const [position, item] of extracts.entries()) {
        if (add(item, { page, reading: readings, position })) added += 1;
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
      return documentIds.flatMap((id, index) => (sent.get(id)?.none ? [index] : []));
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
