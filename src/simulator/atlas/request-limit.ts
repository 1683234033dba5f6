/** At most so many requests in any sliding second. */

const SECOND_MS = 1000;

export class RequestLimit {
  readonly #taken: number[];
  #next = 0;

  /** 0 means no limit. */
  constructor(readonly perSecond: number) {
    this.#taken = new Array(perSecond).fill(Number.NEGATIVE_INFINITY);
  }

  /** Takes a request, or says no; refused ones do not count. */
  takes(now: number): boolean {
    if (this.perSecond === 0) return true;
    const oldest = this.#taken[this.#next] ?? Number.NEGATIVE_INFINITY;
    if (now - oldest < SECOND_MS) return false;
    this.#taken[this.#next] = now;
    this.#next = (this.#next + 1) % this.perSecond;
    return true;
  }
}
