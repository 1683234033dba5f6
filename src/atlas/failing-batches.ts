/**
 * Batches of which a request has failed while those of others passed, and none has passed since. What
 * they come to says nothing of Atlas. So they do not count towards the circuit, and they take no more
 * than a share of the places: where each of their requests hangs, others go on.
 */
import { BudgetExceededError } from './budget.js';
import type { RequestClass } from './observer.js';

/** Of more than these the oldest are forgotten: they count like others again. */
const MAX_KNOWN = 10_000;
/** When a request that found no place comes back, at the earliest; twice as late at the latest. */
const COME_BACK_MS = 1000;

/** How many calls for them may be under way at once. */
export type FailingPlaces = Readonly<Record<RequestClass, number>>;

export class FailingBatches {
  private readonly known = new Set<string>();
  private readonly underWay: Record<RequestClass, number> = { upload: 0, poll: 0 };

  constructor(
    private readonly options: {
      /** Default: as many as there are. */
      places: FailingPlaces | undefined;
      random: () => number;
    },
  ) {}

  has(batch: string): boolean {
    return this.known.has(batch);
  }

  add(batches: Iterable<string>): void {
    for (const batch of batches) this.known.add(batch);
    for (const oldest of this.known) {
      if (this.known.size <= MAX_KNOWN) return;
      this.known.delete(oldest);
    }
  }

  /** A request of it has passed. */
  delete(batch: string): void {
    this.known.delete(batch);
  }

  /**
   * Makes a call for a batch.
   * @throws BudgetExceededError when it is known to fail and all places are taken: nothing was sent.
   */
  async within<T>(batch: string, requestClass: RequestClass, call: () => Promise<T>): Promise<T> {
    if (!this.known.has(batch)) return call();
    const { places, random } = this.options;
    if (places && this.underWay[requestClass] >= places[requestClass]) {
      throw new BudgetExceededError(
        'requests of batches that fail while others pass take turns',
        COME_BACK_MS * (1 + random()),
      );
    }
    this.underWay[requestClass] += 1;
    try {
      return await call();
    } finally {
      this.underWay[requestClass] -= 1;
    }
  }
}
