/** Buckets and objects: an index in memory, and bodies in memory or on a disk shelf. */
import { createHash } from 'node:crypto';
import type { DiskShelf } from './disk-shelf.js';

export interface ObjectInfo {
  key: string;
  size: number;
  /** In quotes, as S3 sends it. */
  etag: string;
  contentType: string;
  /** Milliseconds since 1970. */
  lastModified: number;
}

export interface StoredObject extends ObjectInfo {
  body: Buffer;
}

/** Describes a new object. */
export function describeObject(
  key: string,
  body: Buffer,
  contentType: string,
  lastModified: number,
): StoredObject {
  const etag = `"${createHash('md5').update(body).digest('hex')}"`;
  return { key, size: body.length, etag, contentType, lastModified, body };
}

interface Bucket {
  objects: Map<string, ObjectInfo & { body?: Buffer }>;
  /** Keys in the order of their UTF-8 bytes; undefined after a change. */
  sorted: string[] | undefined;
}

export class ObjectStore {
  readonly #buckets = new Map<string, Bucket>();
  readonly #shelf: DiskShelf | undefined;

  /** With a shelf, what lies on it is there again, and objects outlive the process. */
  constructor(shelf?: DiskShelf) {
    this.#shelf = shelf;
    for (const [bucket, infos] of shelf?.load() ?? []) {
      const objects = new Map(infos.map((info) => [info.key, info]));
      this.#buckets.set(bucket, { objects, sorted: undefined });
    }
  }

  hasBucket(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  createBucket(bucket: string): void {
    this.#open(bucket);
  }

  put(bucket: string, object: StoredObject): void {
    const held = this.#open(bucket);
    if (!held.objects.has(object.key)) held.sorted = undefined;
    if (this.#shelf === undefined) {
      held.objects.set(object.key, object);
    } else {
      const { body, ...info } = object;
      this.#shelf.write(bucket, info, body);
      held.objects.set(object.key, info);
    }
  }

  info(bucket: string, key: string): ObjectInfo | undefined {
    return this.#buckets.get(bucket)?.objects.get(key);
  }

  get(bucket: string, key: string): StoredObject | undefined {
    const held = this.#buckets.get(bucket)?.objects.get(key);
    if (held === undefined) return undefined;
    const body = held.body ?? this.#shelf?.read(bucket, key);
    return body && { ...held, body };
  }

  delete(bucket: string, key: string): void {
    const held = this.#buckets.get(bucket);
    if (held?.objects.delete(key) !== true) return;
    held.sorted = undefined;
    this.#shelf?.remove(bucket, key);
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

  #open(bucket: string): Bucket {
    let held = this.#buckets.get(bucket);
    if (held === undefined) {
      held = { objects: new Map(), sorted: undefined };
      this.#shelf?.createBucket(bucket);
      this.#buckets.set(bucket, held);
    }
    return held;
  }
}
