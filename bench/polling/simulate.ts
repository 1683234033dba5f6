/**
 * Sends drawn uploads at random moments and polls each as a policy says. No clock, no network:
 * events happen in order of their time, so a thousand uploads take a fraction of a second.
 */
import type { NegativePoll, PollPolicy } from '../../src/polling/poll-policy.js';
import { type Random, randomFrom } from '../../src/simulator/random.js';
import type { DrawnUpload, Scenario } from './scenarios.js';

/** The defaults of POLL_MIN_MS, POLL_MAX_MS and BATCH_DEADLINE_MS. */
export const BOUNDS = { minMs: 1_000, maxMs: 60_000, deadlineMs: 3_600_000 };
/** On average; some uploads are always in flight together. */
const BETWEEN_UPLOADS_MS = 15_000;
/** Simulated clocks start here: a moment of 0 would be no moment. */
const EPOCH_MS = 1_000_000;

export interface Outcome {
  polls: number;
  /** From completion to the poll that found it; a time-out has none. */
  lagMs: number | undefined;
}

interface Flight {
  upload: DrawnUpload;
  sentAtMs: number;
  elapsedMs: number;
  negativePolls: NegativePoll[];
}

/** Outcomes in the order of sending. The seed alone decides what is drawn. */
export function simulate(
  scenario: Scenario,
  policy: PollPolicy,
  { count, seed }: { count: number; seed: number },
): Outcome[] {
  const chance = randomFrom(seed);
  const random = randomFrom(seed + 1);
  const outcomes = new Map<Flight, Outcome>();
  const agenda = new Agenda<Flight>();
  let sentAtMs = EPOCH_MS;
  for (let index = 0; index < count; index++) {
    const upload = scenario.draw(chance, index, count);
    agenda.add(sentAtMs, { upload, sentAtMs, elapsedMs: 0, negativePolls: [] });
    sentAtMs += -BETWEEN_UPLOADS_MS * Math.log(1 - chance());
  }
  for (let next = agenda.take(); next; next = agenda.take()) {
    const { atMs, item: flight } = next;
    flight.elapsedMs = atMs - flight.sentAtMs;
    if (flight.elapsedMs > 0) {
      const outcome = poll(flight, policy);
      if (outcome) {
        outcomes.set(flight, outcome);
        continue;
      }
    }
    agenda.add(atMs + plannedDelay(flight, policy, random), flight);
  }
  if (outcomes.size !== count) throw new Error(`${outcomes.size} of ${count} uploads ended`);
  return [...outcomes].sort(([a], [b]) => a.sentAtMs - b.sentAtMs).map(([, outcome]) => outcome);
}

function poll(flight: Flight, policy: PollPolicy): Outcome | undefined {
  const { upload, elapsedMs, negativePolls, sentAtMs } = flight;
  const total = upload.visibleMs.length;
  const present = upload.visibleMs.filter((visibleMs) => visibleMs <= elapsedMs).length;
  const timedOut = present < total && elapsedMs >= BOUNDS.deadlineMs;
  if (present < total && !timedOut) {
    negativePolls.push({ elapsedMs, present });
    return undefined;
  }
  policy.observe({
    productType: upload.productType,
    total,
    sentAtMs,
    afterMs: negativePolls.at(-1)?.elapsedMs ?? 0,
    byMs: elapsedMs,
    timedOut,
    negativePolls,
  });
  return {
    polls: negativePolls.length + 1,
    lagMs: timedOut ? undefined : elapsedMs - (upload.visibleMs.at(-1) ?? 0),
  };
}

function plannedDelay(flight: Flight, policy: PollPolicy, random: Random): number {
  const { upload, elapsedMs, negativePolls } = flight;
  const delayMs = policy.nextDelayMs({
    ...BOUNDS,
    productType: upload.productType,
    total: upload.visibleMs.length,
    present: negativePolls.at(-1)?.present ?? 0,
    elapsedMs,
    polls: negativePolls.length,
    retryAfterMs: 0,
    random,
  });
  const leftMs = BOUNDS.deadlineMs - elapsedMs;
  const shortestMs = Math.min(BOUNDS.minMs, leftMs);
  if (!(delayMs >= shortestMs - 1e-6 && delayMs <= Math.min(BOUNDS.maxMs, leftMs) + 1e-6)) {
    throw new Error(`a delay of ${delayMs} ms is out of bounds`);
  }
  return delayMs;
}

/** What happens next: a binary heap by time, then by order of adding. */
class Agenda<T> {
  readonly #heap: { atMs: number; order: number; item: T }[] = [];
  #added = 0;

  add(atMs: number, item: T): void {
    const heap = this.#heap;
    const entry = { atMs, order: this.#added++, item };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const up = (index - 1) >> 1;
      if (!this.#before(index, up)) break;
      this.#swap(index, up);
      index = up;
    }
  }

  take(): { atMs: number; item: T } | undefined {
    const heap = this.#heap;
    this.#swap(0, heap.length - 1);
    const first = heap.pop();
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const smaller = this.#before(left + 1, left) ? left + 1 : left;
      if (!this.#before(smaller, index)) return first;
      this.#swap(smaller, index);
      index = smaller;
    }
  }

  #before(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (!a || !b) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (!a || !b) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}
