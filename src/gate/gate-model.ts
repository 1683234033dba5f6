/**
 * The gate as a model: which upload may go to Atlas now. Pure, and the same as the scripts beside it,
 * which are tested against it.
 *
 * An upload waits in the **line** until it fits, and is **in flight** from its admission until it is
 * forgotten. What the order of the line is, see `line-model.ts`.
 *
 * Nobody passes the head. Those behind it are admitted only where it would still fit: within the limit of
 * documents in flight, and within the quota of the day, which an admission takes its documents of.
 */
import { type Flow, LineModel } from './line-model.js';

/** An upload that wants to go to Atlas. */
export interface Applicant {
  /** `<job id>@<timestamp>/<upload>`: what is done twice for a member is done once. */
  member: string;
  documentCount: number;
  /** Where it stood in line before it left: it goes back there. */
  startTag?: number | undefined;
}

interface Admitted {
  documentCount: number;
  /** Where it stood in line. */
  start: number;
  /** The day of whose quota it has taken. */
  day: string;
}

/** What bounds the documents that go to Atlas; 0 is no bound. */
export interface GateBounds {
  /** In flight at once. */
  limit: number;
  /** Admitted on one day. */
  quota: number;
}

/** Members that one command names, for the same reason as below. */
export const MAX_NAMED = 500;
/** Members of the line that one question goes through: it bounds the time that a script takes. */
export const MAX_HEADS = 500;
/**
 * Jobs at the head of the line that are awake at once. Each asks as soon as a worker takes it, and wakes the
 * next when it is admitted: more would only stand in BullMQ's list instead of in the line.
 */
export const MAX_AWAKE = 20;

export class GateModel {
  /** So far. */
  admissions = 0;
  /** Nothing is admitted: in a pause, or by a process that cannot send. */
  closed = false;
  /** What is taken of the quota of a day. */
  used = { day: '', documents: 0 };
  readonly line = new LineModel();
  /** Where those stood that have left over an error, by member. */
  readonly kept = new Map<string, number>();
  /** By member. */
  readonly inFlight = new Map<string, Admitted>();

  constructor(private readonly bounds: GateBounds) {}

  get documentsInFlight(): number {
    return [...this.inFlight.values()].reduce((sum, { documentCount }) => sum + documentCount, 0);
  }

  /** A day that is over comes back nowhere: a clock that is late counts on the day that another began. */
  beginDay(day: string): void {
    if (this.bounds.quota > 0 && day > this.used.day) this.used = { day, documents: 0 };
  }

  /**
   * Uploads of one job ask for admission, in their order. Those that are new enter the line. Those that were
   * admitted and not sent go back to where they stood, when it is closed and when their day is over.
   * @returns the members that are in flight.
   */
  ask(applicants: readonly Applicant[], flow: Flow): Set<string> {
    const admitted = new Set<string>();
    const waiting = new Set<string>();
    for (const applicant of applicants) {
      const { member } = applicant;
      this.resize(applicant);
      const isOver = this.bounds.quota > 0 && this.inFlight.get(member)?.day !== this.used.day;
      if (this.closed || isOver) this.returnToLine(member, flow);
      if (this.inFlight.has(member)) admitted.add(member);
      else {
        waiting.add(member);
        const { documentCount } = applicant;
        const startTag = this.kept.get(member) ?? applicant.startTag;
        this.kept.delete(member);
        if (!this.line.find(member)) this.line.enter(member, documentCount, flow, startTag);
      }
    }
    let room = this.room();
    for (let rank = 0; rank < MAX_HEADS && waiting.size > 0; ) {
      const head = this.line.waiting[rank];
      if (!head || !this.fits(head.documentCount, room)) break;
      room = taken(room, head.documentCount);
      if (!waiting.delete(head.member)) {
        rank += 1;
        continue;
      }
      this.line.admit(head);
      const { documentCount, start } = head;
      this.inFlight.set(head.member, { documentCount, start, day: this.used.day });
      if (this.bounds.quota > 0) this.used.documents += documentCount;
      this.admissions += 1;
      admitted.add(head.member);
    }
    return admitted;
  }

  /**
   * The member is in flight or in line no more.
   * @param unsent It was surely not sent: what it has taken of the quota is given back.
   * @param keepsPlace It comes back to where it stood.
   * @param flow of one that gives up a place that was kept for it
   * @returns where it stood in line; undefined when it was not there.
   */
  forget(
    member: string,
    { unsent = false, keepsPlace = false, flow = '' } = {},
  ): number | undefined {
    const admitted = this.inFlight.get(member);
    const waiting = this.line.find(member);
    const kept = this.kept.get(member);
    const start = admitted?.start ?? waiting?.start ?? kept;
    if (admitted) {
      this.inFlight.delete(member);
      if (unsent) this.giveBack(admitted.day, admitted.documentCount);
    } else if (waiting) this.line.leave(waiting, keepsPlace);
    if (keepsPlace && start !== undefined) this.kept.set(member, start);
    else if (this.kept.delete(member) && kept !== undefined) this.line.giveUpPlace(flow, kept);
    if (this.inFlight.size + this.line.waiting.length + this.kept.size === 0) this.line.reset();
    return start;
  }

  /**
   * The jobs whose uploads would be admitted if they asked, in order. Uploads whose job is gone leave the
   * line.
   */
  heads(isLive: (member: string) => boolean): string[] {
    const jobs = new Set<string>();
    if (this.closed) return [];
    let room = this.room();
    let rank = 0;
    for (let steps = 0; steps < MAX_HEADS && jobs.size < MAX_AWAKE; steps += 1) {
      const head = this.line.waiting[rank];
      if (!head) break;
      if (!isLive(head.member)) {
        this.forget(head.member);
        continue;
      }
      if (!this.fits(head.documentCount, room)) break;
      room = taken(room, head.documentCount);
      rank += 1;
      jobs.add(jobOf(head.member));
    }
    return [...jobs];
  }

  private room(): Room {
    return { inFlight: this.documentsInFlight, used: this.used.documents };
  }

  /** One that is larger than the limit is admitted alone, and one that is larger than the quota as the first of a day. */
  private fits(documentCount: number, { inFlight, used }: Room): boolean {
    const { limit, quota } = this.bounds;
    if (this.closed) return false;
    const isWithin = (bound: number, sum: number) =>
      bound === 0 || sum === 0 || sum + documentCount <= bound;
    return isWithin(limit, inFlight) && isWithin(quota, used);
  }

  /** An upload that was too large for Atlas was halved. */
  private resize({ member, documentCount }: Applicant): void {
    const admitted = this.inFlight.get(member);
    if (!admitted) return;
    this.giveBack(admitted.day, admitted.documentCount - documentCount);
    admitted.documentCount = documentCount;
  }

  private giveBack(day: string, documentCount: number): void {
    if (this.bounds.quota > 0 && day === this.used.day) this.used.documents -= documentCount;
  }

  private returnToLine(member: string, flow: Flow): void {
    const admitted = this.inFlight.get(member);
    if (!admitted) return;
    this.inFlight.delete(member);
    this.giveBack(admitted.day, admitted.documentCount);
    const { documentCount, start } = admitted;
    this.line.insert({ member, documentCount, start, flow });
  }
}

interface Room {
  inFlight: number;
  used: number;
}

function taken({ inFlight, used }: Room, documentCount: number): Room {
  return { inFlight: inFlight + documentCount, used: used + documentCount };
}

function jobOf(member: string): string {
  return member.slice(0, member.indexOf('@'));
}
