/**
 * Which object of each bucket was read last: it tells a key that is denied from a role that is wrong. And which were
 * read at all, by this process.
 */
import type { ObjectReference } from '../s3-request.js';

/** Names of buckets come from jobs. At this number all are dropped, and noted again. */
const MAX_BUCKETS = 1_000;
/** What was read before that is no sign of what the role may read now. */
const MEMORY_MS = 5 * 60_000;
/**
 * Of names of objects, which may have a thousand each: some of the largest batches. At this number all are dropped, and
 * checked again where it matters.
 */
const MAX_CHARACTERS = 4 * 1024 * 1024;

export class ReadableObjects {
  private readonly objects = new Set<string>();
  private characters = 0;
  private readonly latest = new Map<string, { key: string; at: number }>();

  /** @param now Milliseconds of a clock that does not jump. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  note(bucket: string, key: string): void {
    const at = this.now();
    this.remember(`${bucket}/${key}`);
    const known = this.latest.get(bucket);
    if (known) {
      known.key = key;
      known.at = at;
      return;
    }
    if (this.latest.size >= MAX_BUCKETS) this.latest.clear();
    this.latest.set(bucket, { key, at });
  }

  has({ bucket, key }: ObjectReference): boolean {
    return this.objects.has(`${bucket}/${key}`);
  }

  /** By bucket, of those of which an object was ever read. */
  get buckets(): ReadonlyMap<string, unknown> {
    return this.latest;
  }

  /** A key of the bucket that was read within this time; undefined when there was none. */
  keyIn(bucket: string, withinMs = MEMORY_MS): string | undefined {
    const known = this.latest.get(bucket);
    return known && this.now() - known.at <= withinMs ? known.key : undefined;
  }

  private remember(name: string): void {
    if (this.objects.has(name)) return;
    if (this.characters + name.length > MAX_CHARACTERS) {
      this.objects.clear();
      this.characters = 0;
    }
    this.objects.add(name);
    this.characters += name.length;
  }
}
