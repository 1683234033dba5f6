/**
 * The gate as a model: which upload may go to Atlas now. Pure, and the same as the scripts beside it,
 * which are tested against it.
 *
 * An upload waits in the **line** until it fits, and is **in flight** from its admission until it is
 * forgotten. The line is ordered by start-time fair queueing (Goyal, Vin and Cheng, 1996): an upload
 * starts at the virtual time, or where its flow has come to, and takes its flow further by its documents
 * over the weight. So each flow gets its share, and a flow that is alone gets everything.
 *
 * Nobody passes the head. Those behind it are admitted only where it would still fit.
 */

/** An upload that wants to go to Atlas. */
export interface Applicant {
  /** `<job id>@<timestamp>/<upload>`: what is done twice for a member is done once. */
  member: string;
  documentCount: number;
}

/** Uploads that share a place in the order. */
export interface Flow {
  name: string;
  /** Its share, beside those of the other flows that wait. */
  weight: number;
}

interface Waiting extends Applicant {
  start: number;
}

/** Members of the line that one question goes through: it bounds the time that a script takes. */
export const MAX_HEADS = 500;
/**
 * Jobs at the head of the line that are awake at once. Each asks as soon as a worker takes it, and wakes the
 * next when it is admitted: more would only stand in BullMQ's list instead of in the line.
 */
export const MAX_AWAKE = 20;

export class GateModel {
  virtualTime = 0;
  /** Nothing is admitted. */
  paused = false;
  /** In order. */
  readonly line: Waiting[] = [];
  /** Documents by member. */
  readonly inFlight = new Map<string, number>();
  /** Where each flow has come to. */
  readonly finishes = new Map<string, number>();

  /** @param limit Documents in flight; 0 is none. */
  constructor(private readonly limit: number) {}

  get documentsInFlight(): number {
    return [...this.inFlight.values()].reduce((sum, count) => sum + count, 0);
  }

  /**
   * Uploads of one job ask for admission, in their order. Those that are new enter the line. In a pause those
   * that were admitted and not sent go back to its head.
   * @returns the members that are in flight.
   */
  ask(applicants: readonly Applicant[], flow: Flow): Set<string> {
    const admitted = new Set<string>();
    const waiting = new Set<string>();
    for (const applicant of applicants) {
      if (this.paused && this.inFlight.delete(applicant.member))
        this.insert({ ...applicant, start: 0 });
      if (this.inFlight.has(applicant.member)) admitted.add(applicant.member);
      else {
        waiting.add(applicant.member);
        if (!this.line.some(({ member }) => member === applicant.member))
          this.enter(applicant, flow);
      }
    }
    let reserved = this.documentsInFlight;
    for (let rank = 0; rank < MAX_HEADS && waiting.size > 0; ) {
      const head = this.line[rank];
      if (!head || !this.fits(head.documentCount, reserved)) break;
      reserved += head.documentCount;
      if (!waiting.delete(head.member)) {
        rank += 1;
        continue;
      }
      this.line.splice(rank, 1);
      this.inFlight.set(head.member, head.documentCount);
      this.virtualTime = Math.max(this.virtualTime, head.start);
      admitted.add(head.member);
    }
    for (const [name, finish] of this.finishes)
      if (finish <= this.virtualTime) this.finishes.delete(name);
    return admitted;
  }

  /** The member is in flight or in line no more. */
  forget(member: string): void {
    if (!this.inFlight.delete(member)) {
      const place = this.line.findIndex((one) => one.member === member);
      if (place >= 0) this.line.splice(place, 1);
    }
    if (this.inFlight.size > 0 || this.line.length > 0) return;
    this.virtualTime = 0;
    this.finishes.clear();
  }

  /**
   * The jobs whose uploads would be admitted if they asked, in order. Uploads whose job is gone leave the
   * line.
   */
  heads(isLive: (member: string) => boolean): string[] {
    const jobs = new Set<string>();
    if (this.paused) return [];
    let reserved = this.documentsInFlight;
    let rank = 0;
    for (let steps = 0; steps < MAX_HEADS && jobs.size < MAX_AWAKE; steps += 1) {
      const head = this.line[rank];
      if (!head) break;
      if (!isLive(head.member)) {
        this.forget(head.member);
        continue;
      }
      if (!this.fits(head.documentCount, reserved)) break;
      reserved += head.documentCount;
      rank += 1;
      jobs.add(jobOf(head.member));
    }
    return [...jobs];
  }

  /** One that is larger than the limit is admitted alone. */
  private fits(documentCount: number, reserved: number): boolean {
    if (this.paused) return false;
    return this.limit === 0 || reserved === 0 || reserved + documentCount <= this.limit;
  }

  private enter(applicant: Applicant, { name, weight }: Flow): void {
    const start = Math.max(this.virtualTime, this.finishes.get(name) ?? 0);
    this.finishes.set(name, start + applicant.documentCount / weight);
    this.insert({ ...applicant, start });
  }

  private insert(waiting: Waiting): void {
    const { start, member } = waiting;
    const isBefore = (other: Waiting) =>
      other.start < start || (other.start === start && other.member < member);
    let place = this.line.length;
    while (place > 0 && !isBefore(this.line[place - 1] as Waiting)) place -= 1;
    this.line.splice(place, 0, waiting);
  }
}

function jobOf(member: string): string {
  return member.slice(0, member.indexOf('@'));
}
