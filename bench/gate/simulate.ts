/**
 * Batches on their way to an Atlas that works on so many documents at once, in the order in which they
 * come. The gate is the model of `src/gate`; there is no Redis, no worker and no clock.
 */
import { GateModel } from '../../src/gate/gate-model.js';
import type { Flow } from '../../src/gate/line-model.js';
import { randomFrom } from '../../src/simulator/random.js';

/** Documents that Atlas works on at once, and how long it takes for one. */
const ATLAS = { documentsAtOnce: 1000, fromS: 10, toS: 30 };
/** Between two batches that workers take from BullMQ's list. */
const INTAKE_S = 0.001;
/** From the end of an upload at Atlas until a poll has found it and frees its room. */
const LAG_S = 2;

export interface Arrival {
  atS: number;
  /** What it is counted as. */
  kind: string;
  flow: Flow;
  documentCount: number;
}

/** `none`: everything is sent at once. `fifo`: a limit, first in, first out. `fair`: the gate. */
export type Control = 'none' | 'fifo' | 'fair';

export interface Sent {
  kind: string;
  documentCount: number;
  /** Seconds since the first batch: added, sent, begun by Atlas, found complete. */
  addedS: number;
  sentS: number;
  begunS: number;
  endedS: number;
}

export interface Conditions {
  control: Control;
  /** Documents in flight. */
  limit?: number;
  pause?: { fromS: number; toS: number };
  seed: number;
}

interface Waiting extends Arrival {
  member: string;
}

const ONE_FLOW: Flow = { name: 'all', weight: 1 };

/** Atlas begins documents in the order in which they come, as soon as it has a place for one. */
class Atlas {
  private readonly places = new Timeline<null>();

  constructor(private readonly random: () => number) {
    for (let n = 0; n < ATLAS.documentsAtOnce; n += 1) this.places.add(0, null);
  }

  work(documentCount: number, sentS: number): { begunS: number; endedS: number } {
    let [begunS, endedS] = [Number.POSITIVE_INFINITY, 0];
    for (let n = 0; n < documentCount; n += 1) {
      const startS = Math.max(sentS, this.places.next()?.atS ?? 0);
      const endS = startS + ATLAS.fromS + (ATLAS.toS - ATLAS.fromS) * this.random();
      this.places.add(endS, null);
      begunS = Math.min(begunS, startS);
      endedS = Math.max(endedS, endS);
    }
    return { begunS, endedS };
  }
}

/** What comes, in order of time. */
class Timeline<Thing> {
  /** The last first. */
  private readonly entries: { atS: number; thing: Thing }[] = [];

  add(atS: number, thing: Thing): void {
    let [from, to] = [0, this.entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.entries[middle]?.atS ?? 0) > atS) from = middle + 1;
      else to = middle;
    }
    this.entries.splice(from, 0, { atS, thing });
  }

  next(): { atS: number; thing: Thing } | undefined {
    return this.entries.pop();
  }
}

type Event =
  | { kind: 'arrives'; waiting: Waiting }
  | { kind: 'is-over'; member: string }
  | { kind: 'pause'; on: boolean };

/** Every batch is one upload. @param arrivals in order of time */
export function simulate(arrivals: readonly Arrival[], conditions: Conditions): Sent[] {
  const { control, limit = ATLAS.documentsAtOnce, pause, seed } = conditions;
  const gate = new GateModel({ limit: control === 'none' ? 0 : limit, quota: 0 });
  const atlas = new Atlas(randomFrom(seed));
  const events = new Timeline<Event>();
  const waiting = new Map<string, Waiting>();
  const sent: Sent[] = [];
  let takenS = 0;
  for (const [n, arrival] of arrivals.entries()) {
    takenS = Math.max(takenS, arrival.atS) + INTAKE_S;
    events.add(takenS, { kind: 'arrives', waiting: { ...arrival, member: `b${n}@0/1.0` } });
  }
  if (pause) {
    events.add(pause.fromS, { kind: 'pause', on: true });
    events.add(pause.toS, { kind: 'pause', on: false });
  }

  function ask(one: Waiting, nowS: number): void {
    const { member, documentCount, kind, atS: addedS } = one;
    const flow = control === 'fair' ? one.flow : ONE_FLOW;
    if (!gate.ask([{ member, documentCount }], flow).has(member)) return;
    waiting.delete(member);
    const { begunS, endedS } = atlas.work(documentCount, nowS);
    events.add(endedS + LAG_S, { kind: 'is-over', member });
    sent.push({ kind, documentCount, addedS, sentS: nowS, begunS, endedS: endedS + LAG_S });
  }

  /** Jobs at the head of the line ask, one after the other. */
  function wake(nowS: number): void {
    for (let heads = gate.heads(() => true); heads.length > 0; heads = gate.heads(() => true)) {
      for (const id of heads) {
        const one = waiting.get(`${id}@0/1.0`);
        if (one) ask(one, nowS);
      }
    }
  }

  for (let event = events.next(); event; event = events.next()) {
    const { atS, thing } = event;
    if (thing.kind === 'arrives') {
      waiting.set(thing.waiting.member, thing.waiting);
      ask(thing.waiting, atS);
      continue;
    }
    if (thing.kind === 'pause') gate.closed = thing.on;
    else gate.forget(thing.member);
    wake(atS);
  }
  return sent;
}
