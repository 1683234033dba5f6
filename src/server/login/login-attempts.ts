/**
 * Wrong passwords by name and address. Ten in a minute lock that name at that address, and nobody else: behind
 * a proxy many people have one address. The memory is bounded.
 */

/** Enough for a person who mistypes. For a guesser it is 14,400 attempts a day. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Names and addresses of which failures are kept. The oldest make room for new ones. */
const KEPT = 5000;

interface Failures {
  count: number;
  /** On the monotonic clock. */
  until: number;
}

export class LoginAttempts {
  private readonly failures = new Map<string, Failures>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Seconds for which the name is locked at the address; 0 when it is not. */
  lockedFor(name: string, address: string): number {
    const found = this.find(name, address);
    if (found === undefined || found.count < MAX_FAILURES) return 0;
    return Math.ceil((found.until - this.now()) / 1000);
  }

  /**
   * Counts a try as wrong, before it is compared: tries that come at the same time are limited as those one
   * after the other. {@link passed} takes it back.
   */
  begin(name: string, address: string): void {
    const key = keyOf(name, address);
    const found = this.find(name, address) ?? { count: 0, until: this.now() + WINDOW_MS };
    found.count += 1;
    this.failures.delete(key);
    this.failures.set(key, found);
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= KEPT) break;
      this.failures.delete(oldest);
    }
  }

  passed(name: string, address: string): void {
    const found = this.find(name, address);
    if (found) found.count -= 1;
  }

  private find(name: string, address: string): Failures | undefined {
    const key = keyOf(name, address);
    const found = this.failures.get(key);
    if (found === undefined || found.until > this.now()) return found;
    this.failures.delete(key);
    return undefined;
  }
}

function keyOf(name: string, address: string): string {
  return JSON.stringify([name, address]);
}
