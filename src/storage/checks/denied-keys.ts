/** Keys that are denied although another object of their bucket can be read, and since when. */
import type { ObjectReference } from '../s3-request.js';

/**
 * A permission that was just given is known to some of S3's hosts before others: for seconds one object
 * can be read and the next cannot.
 */
const LASTING_MS = 10_000;
/** Longer than a batch sleeps between two tries. What was seen before that begins anew. */
const MEMORY_MS = 5 * 60_000;
/** Keys come from jobs. At this number all are dropped, and noted again. */
const MAX_KEYS = 10_000;

export class DeniedKeys {
  private readonly denied = new Map<string, { since: number; seen: number }>();

  /** @param now Milliseconds of a clock that does not jump. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Notes that the key is denied. Whether it has been for so long that it will stay so. */
  isLasting(object: ObjectReference): boolean {
    const name = nameOf(object);
    const now = this.now();
    const known = this.denied.get(name);
    if (known && now - known.seen <= MEMORY_MS) {
      known.seen = now;
      return now - known.since >= LASTING_MS;
    }
    if (this.denied.size >= MAX_KEYS) this.denied.clear();
    this.denied.set(name, { since: now, seen: now });
    return false;
  }

  /** It could be read, or the others could not either. */
  forget(object: ObjectReference): void {
    if (this.denied.size > 0) this.denied.delete(nameOf(object));
  }
}

function nameOf({ bucket, key }: ObjectReference): string {
  return `${bucket}/${key}`;
}
