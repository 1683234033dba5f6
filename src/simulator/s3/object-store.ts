/** Buckets and objects: an index in memory, and bodies in memory or on a disk shelf. */
import { hash } from 'node:crypto';
import type { DiskShelf, ObjectInfo } from './disk-shelf.js';

export interface StoredObject extends ObjectInfo {
  body: Buffer;
}

interface Bucket {
  objects: Map<string, ObjectInfo & { body?: Buffer }>;
  /** Keys in the order of their UTF-8 bytes; undefined after a change. */
  sorted: string[] | undefined;
  /** Versions that are no current objects any more, and marks of deletion; the latest last. */
  past: ObjectVersion[];
}

/** What a bucket with versions keeps of an object. */
export interface ObjectVersion {
  key: string;
  versionId: string;
  /** It says that the object was deleted, and has no body. */
  isDeleteMarker: boolean;
  isLatest: boolean;
  size: number;
}

/** The version of an object in a bucket without versions. */
const NO_VERSION = 'null';

export class ObjectStore {
  readonly #buckets = new Map<string, Bucket>();
  readonly #versionIds = new Map<string, string>();
  #versions = 0;

  /** Loads the objects of the shelf. With a shelf, objects outlive the process. */
  constructor(
    private readonly clock: () => number,
    private readonly shelf: DiskShelf | undefined,
    /** Whether its buckets keep every version. Past ones are kept in memory only. */
    private readonly keepsVersions = false,
  ) {
    for (const [bucket, infos] of shelf?.load() ?? []) {
      const objects = new Map(infos.map((info) => [info.key, info]));
      this.#buckets.set(bucket, { objects, sorted: undefined, past: [] });
    }
  }

  hasBucket(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  /** Does nothing when the bucket exists. */
  createBucket(bucket: string): Bucket {
    let held = this.#buckets.get(bucket);
    if (held === undefined) {
      held = { objects: new Map(), sorted: undefined, past: [] };
      this.shelf?.createBucket(bucket);
      this.#buckets.set(bucket, held);
    }
    return held;
  }

  /** Writes an object, and creates its bucket if need be. */
  put(bucket: string, key: string, body: Buffer, contentType: string): ObjectInfo {
    const held = this.createBucket(bucket);
    if (!held.objects.has(key)) held.sorted = undefined;
    this.#keepVersion(bucket, held, key);
    const etag = `"${hash('md5', body)}"`;
    const info = { key, size: body.length, etag, contentType, lastModified: this.clock() };
    this.shelf?.write(bucket, info, body);
    held.objects.set(key, this.shelf === undefined ? { ...info, body } : info);
    return info;
  }

  info(bucket: string, key: string): ObjectInfo | undefined {
    return this.#buckets.get(bucket)?.objects.get(key);
  }

  get(bucket: string, key: string): StoredObject | undefined {
    const held = this.#buckets.get(bucket)?.objects.get(key);
    if (held === undefined) return undefined;
    const body = held.body ?? this.shelf?.read(bucket, key);
    return body && { ...held, body };
  }

  /** @param versionId Removes that version for good. Without it a bucket with versions keeps it, and notes the deletion. */
  delete(bucket: string, key: string, versionId?: string): void {
    const held = this.#buckets.get(bucket);
    if (held === undefined) return;
    if (versionId !== undefined && versionId !== this.#currentVersion(bucket, held, key)) {
      held.past = held.past.filter((one) => one.key !== key || one.versionId !== versionId);
      return;
    }
    if (versionId === undefined) this.#keepVersion(bucket, held, key);
    const wasThere = held.objects.delete(key);
    if (versionId === undefined && this.keepsVersions) {
      const marker = { isDeleteMarker: true, isLatest: false, size: 0 };
      held.past.push({ key, versionId: this.#newVersion(), ...marker });
    }
    if (!wasThere) return;
    held.sorted = undefined;
    this.shelf?.remove(bucket, key);
  }

  /** Every version of every object below a prefix, the latest first of each. */
  versions(bucket: string, prefix: string): ObjectVersion[] {
    const held = this.#buckets.get(bucket);
    if (held === undefined) return [];
    const current = [...held.objects.values()].map(({ key, size }) => ({
      key,
      versionId: this.#currentVersion(bucket, held, key) ?? NO_VERSION,
      isDeleteMarker: false,
      isLatest: true,
      size,
    }));
    const latest = new Set(current.map(({ key }) => key));
    const past = held.past.toReversed().map((one) => {
      const isLatest = !latest.has(one.key);
      latest.add(one.key);
      return { ...one, isLatest };
    });
    return [...current, ...past]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  #newVersion(): string {
    this.#versions += 1;
    return `version-${this.#versions}`;
  }

  #currentVersion(bucket: string, held: Bucket, key: string): string | undefined {
    if (!held.objects.has(key)) return undefined;
    return this.#versionIds.get(`${bucket}/${key}`) ?? NO_VERSION;
  }

  /** Before it is replaced or deleted; what comes next has a version of its own. */
  #keepVersion(bucket: string, held: Bucket, key: string): void {
    if (!this.keepsVersions) return;
    const versionId = this.#currentVersion(bucket, held, key);
    const size = held.objects.get(key)?.size ?? 0;
    if (versionId !== undefined)
      held.past.push({ key, versionId, isDeleteMarker: false, isLatest: false, size });
    this.#versionIds.set(`${bucket}/${key}`, this.#newVersion());
  }

  /** Removes every object and every bucket. */
  clear(): void {
    for (const bucket of this.#buckets.keys()) this.shelf?.removeBucket(bucket);
    this.#buckets.clear();
  }

  /** All keys of a bucket in the order of their UTF-8 bytes. */
  keys(bucket: string): readonly string[] {
    const held = this.#buckets.get(bucket);
    if (held === undefined) return [];
    held.sorted ??= [...held.objects.keys()]
      .map((key) => Buffer.from(key))
      .sort(Buffer.compare)
      .map((key) => key.toString());
    return held.sorted;
  }
}
