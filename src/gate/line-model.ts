/**
 * The order of the line as a model: start-time fair queueing (Goyal, Vin and Cheng, 1996). Pure, and the same
 * as the scripts beside it.
 *
 * An upload starts at the virtual time, or where its flow has come to, and takes its flow further by its
 * documents over the weight. So each flow gets its share, and a flow that is alone gets everything. A flow has
 * come to the end of its last upload in line, or of what was admitted. Who leaves the line for good has had no turn:
 * those of its flow that stand behind it move up.
 */

/** Uploads that share a place in the order. */
export interface Flow {
  name: string;
  /** Its share, beside those of the other flows that wait. */
  weight: number;
}

interface Waiting {
  member: string;
  documentCount: number;
  start: number;
  flow: Flow;
}

/**
 * Times its weight, a flow that comes anew stands so far before others that come at the same virtual time. The
 * first batches of thousands of tenants all start there, and an urgent one must not wait for them. It is too
 * little to matter for shares.
 */
export const TIE_LEAD = 1e-9;
/** Before all that wait: for what has had its turn, and has room. */
export const FRONT_OF_LINE = 0;
/** Members that move up in one step: it bounds the time that a script takes. */
export const MAX_MOVED_UP = 500;

export class LineModel {
  virtualTime = 0;
  /** In order. */
  readonly waiting: Waiting[] = [];
  /** Where each flow has come to, by what was admitted of it. */
  readonly finishes = new Map<string, number>();
  /** By flow: from where on its uploads may move up. */
  readonly gaps = new Map<string, number>();
  /** Whose uploads have moved up last. */
  gapFlow = '';

  find(member: string): Waiting | undefined {
    return this.waiting.find((one) => one.member === member);
  }

  /** @param startTag Where it stood before it left: it goes back there, unless that is further back by now. */
  enter(member: string, documentCount: number, flow: Flow, startTag = Infinity): void {
    const last = this.waiting.findLast((one) => one.flow.name === flow.name);
    const start = Math.max(this.virtualTime, this.finishes.get(flow.name) ?? 0, finishOf(last));
    const place = startTag <= start ? startTag : start - leadOf(flow);
    this.insert({ member, documentCount, start: place, flow });
  }

  /** In its place. */
  insert(entering: Waiting): void {
    const { start, member } = entering;
    const isBefore = (other: Waiting) =>
      other.start < start || (other.start === start && other.member < member);
    let place = this.waiting.length;
    while (place > 0 && !isBefore(this.waiting[place - 1] as Waiting)) place -= 1;
    this.waiting.splice(place, 0, entering);
  }

  /** It is this one's turn. */
  admit(admitted: Waiting): void {
    this.remove(admitted);
    this.reach(admitted);
    this.virtualTime = Math.max(this.virtualTime, admitted.start);
    for (const [name, finish] of this.finishes)
      if (finish <= this.virtualTime) this.finishes.delete(name);
  }

  leave(leaving: Waiting, keepsPlace: boolean): void {
    this.remove(leaving);
    const { flow, start } = leaving;
    if (!keepsPlace) this.noteGap(flow.name, start);
  }

  /** A place of a flow was kept for one that does not come back: who has come behind it moves up. */
  giveUpPlace(flow: string, start: number): void {
    if (this.waiting.some((one) => one.flow.name === flow)) this.noteGap(flow, start);
  }

  /** Nothing is under way: all begin anew. */
  reset(): void {
    this.virtualTime = 0;
    this.finishes.clear();
    this.gaps.clear();
    this.gapFlow = '';
  }

  /**
   * Uploads of flows move up, into the places of those that have left for good. Flows take turns: one that leaves all
   * the time does not keep others from it.
   */
  closeGaps(): void {
    const names = [...this.gaps.keys()].sort();
    const isBehind = (name: string) => name > this.gapFlow;
    const inTurn = [...names.filter(isBehind), ...names.filter((name) => !isBehind(name))];
    let left = MAX_MOVED_UP;
    for (const name of inTurn) {
      if (left <= 0) break;
      left -= this.closeGap(name, left);
      this.gapFlow = name;
    }
  }

  /** @returns how many members it has gone through, 1 for none. */
  private closeGap(name: string, most: number): number {
    const from = this.gaps.get(name) ?? 0;
    const members = this.waiting.filter(({ flow }) => flow.name === name);
    const before = members.findLast(({ start }) => start < from);
    const others = members.filter(({ start }) => start >= from);
    let reached = Math.max(this.virtualTime, this.finishes.get(name) ?? 0, finishOf(before));
    for (const one of others.slice(0, most)) {
      const place = reached - leadOf(one.flow);
      if (one.start > place) {
        this.remove(one);
        one.start = place;
        this.insert(one);
      }
      reached = Math.max(reached, finishOf(one));
    }
    const next = others[most];
    if (next) this.gaps.set(name, next.start);
    else this.gaps.delete(name);
    return Math.max(1, Math.min(others.length, most));
  }

  private noteGap(flow: string, start: number): void {
    this.gaps.set(flow, Math.min(start, this.gaps.get(flow) ?? Infinity));
  }

  private remove(leaving: Waiting): void {
    this.waiting.splice(this.waiting.indexOf(leaving), 1);
  }

  private reach(waiting: Waiting): void {
    const { name } = waiting.flow;
    this.finishes.set(name, Math.max(finishOf(waiting), this.finishes.get(name) ?? 0));
  }
}

function leadOf({ weight }: Flow): number {
  return weight * TIE_LEAD;
}

function finishOf(waiting: Waiting | undefined): number {
  if (!waiting) return 0;
  const { start, flow, documentCount } = waiting;
  return start + leadOf(flow) + documentCount / flow.weight;
}
