/**
 * Wrong passwords by name and address. Ten in a minute lock that name at that address, and nobody else: behind
 * a proxy many people have one address. Of IPv6 one person has a whole /64, which counts as one. The memory is bounded.
 * Names that nobody has are counted like others, so that a guesser does not learn which there are; but apart from them,
 * or with thousands of them he would push out the one that is locked.
 */

/** Enough for a person who mistypes. For a guesser it is 14,400 attempts a day. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Names and addresses of which failures are kept, of users and of others. The oldest make room for new ones. */
const KEPT = 5000;

interface Failures {
  count: number;
  /** On the monotonic clock. */
  until: number;
}

export class LoginAttempts {
  private readonly ofUsers = new Map<string, Failures>();
  private readonly ofOthers = new Map<string, Failures>();

  constructor(
    private readonly isUser: (name: string) => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

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
    const failures = this.failuresLike(name);
    failures.delete(key);
    failures.set(key, found);
    for (const oldest of failures.keys()) {
      if (failures.size <= KEPT) break;
      failures.delete(oldest);
    }
  }

  passed(name: string, address: string): void {
    const found = this.find(name, address);
    if (found) found.count -= 1;
  }

  private find(name: string, address: string): Failures | undefined {
    const key = keyOf(name, address);
    const failures = this.failuresLike(name);
    const found = failures.get(key);
    if (found === undefined || found.until > this.now()) return found;
    failures.delete(key);
    return undefined;
  }

  private failuresLike(name: string): Map<string, Failures> {
    return this.isUser(name) ? this.ofUsers : this.ofOthers;
  }
}

function keyOf(name: string, address: string): string {
  return JSON.stringify([name, networkOf(address)]);
}

/** An IPv4 address, also one that is written as IPv6, or the first four groups of an IPv6 address. */
function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = [], tail = []] = address
    .toLowerCase()
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  const groups = [...head, ...zeros, ...tail].slice(0, 4);
  return groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':');
}
