/** The texts of one document, each with the places in the pages that hold it. */

/** Where an item stands. `reading` distinguishes two readings of the same page. */
export interface Place {
  page: number;
  reading: number;
  /** Within the page. */
  offset: number;
}

/** A text at its place. */
interface Placed extends Place {
  fileData: string;
}

/**
 * One text of one document, and how many extracts it stands for. A page that holds it twice means
 * two extracts. Two pages that hold it once mean that the list grew between the two reads. So as
 * many are kept as one page has at most. The n-th of them takes the place of the n-th on the first
 * page that has n, and is written as there.
 */
interface Occurrence {
  /** `placed[n - 1]` is the earliest n-th one. */
  placed: [Placed, ...Placed[]];
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
  /** Made for the second text. Nearly all documents have one, and telling its form takes microseconds. */
  private byForm: Map<string, Occurrence> | undefined;

  /** @param formOf The same for texts that count as one, and short, for it is kept. */
  constructor(private readonly formOf: (fileData: string) => string) {}

  get none(): boolean {
    return this.all.length === 0;
  }

  has(fileData: string): boolean {
    return this.find(fileData).found !== undefined;
  }

  /** Keeps one item. True when it is new: no earlier page had it, or had as many of it. */
  keep(fileData: string, place: Place): boolean {
    // Not spread: that would take three times the memory.
    const placed = { fileData, page: place.page, reading: place.reading, offset: place.offset };
    const { found, form } = this.find(fileData);
    if (found === undefined) {
      this.add({ placed: [placed], reading: place.reading, countInReading: 1 }, form);
      return true;
    }
    found.countInReading = found.reading === place.reading ? found.countInReading + 1 : 1;
    found.reading = place.reading;
    const earliest = found.placed[found.countInReading - 1];
    if (earliest === undefined) {
      found.placed.push(placed);
      return true;
    }
    if (comparePlaces(place, earliest) < 0) found.placed[found.countInReading - 1] = placed;
    return false;
  }

  inOrder(): Placed[] {
    return this.all.flatMap(({ placed }) => placed).sort(comparePlaces);
  }

  /** What is kept of the text; and its form, where that had to be told. */
  private find(fileData: string): { found?: Occurrence | undefined; form?: string } {
    const [only] = this.all;
    if (only === undefined) return {};
    if (!this.byForm && only.placed[0].fileData === fileData) return { found: only };
    this.byForm ??= new Map(this.all.map((one) => [this.formOf(one.placed[0].fileData), one]));
    const form = this.formOf(fileData);
    return { found: this.byForm.get(form), form };
  }

  private add(occurrence: Occurrence, form: string | undefined): void {
    this.all.push(occurrence);
    if (form !== undefined) this.byForm?.set(form, occurrence);
  }
}
