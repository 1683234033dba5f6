/** The texts of one document, each with the places in the pages that hold it. */

/** Where an item stands. `reading` distinguishes two readings of the same page. */
export interface Place {
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

export function comparePlaces(a: Place, b: Place): number {
  return a.page - b.page || a.reading - b.reading || a.offset - b.offset;
}

/** All texts of one document. */
export class Occurrences {
  private readonly all: Occurrence[] = [];
  /** Made for the second text. Nearly all documents have one, and hashing it takes a microsecond. */
  private byText: Map<string, Occurrence> | undefined;

  get none(): boolean {
    return this.all.length === 0;
  }

  has(fileData: string): boolean {
    return this.find(fileData) !== undefined;
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
    if (this.byText) return this.byText.get(fileData);
    return this.all.find((one) => one.fileData === fileData);
  }

  private add(occurrence: Occurrence): void {
    this.all.push(occurrence);
    if (this.all.length === 1) return;
    this.byText ??= new Map(this.all.map((one) => [one.fileData, one]));
    this.byText.set(occurrence.fileData, occurrence);
  }
}
