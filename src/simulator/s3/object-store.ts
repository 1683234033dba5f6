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
}

export class ObjectStore {
  readonly #buckets = new Map<string, Bucket>();

  /** Loads the objects of the shelf. With a shelf, objects outlive the process. */
  constructor(
    private readonly clock: () => number,
    private readonly shelf: DiskShelf | undefined,
  ) {
    for (const [bucket, infos] of shelf?.load() ?? []) {
      const objects = new Map(infos.map((info) => [info.key, info]));
      this.#buckets.set(bucket, { objects, sorted: undefined });
    }
  }

  hasBucket(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  /** Does nothing when the bucket exists. */
  createBucket(bucket: string): Bucket {
    let held = this.#buckets.get(bucket);
    if (held === undefined) {
      held = { objects: new Map(), sorted: undefined };
      this.shelf?.createBucket(bucket);
      this.#buckets.set(bucket, held);
    }
    return held;
  }

  /** Writes an object, and creates its bucket if need be. */
  put(bucket: string, key: string, body: Buffer, contentType: string): ObjectInfo {
    const held = this.createBucket(bucket);
    if (!held.objects.has(key)) held.sorted = undefined;
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

  delete(bucket: string, key: string): void {
    const held = this.#buckets.get(bucket);
    if (held?.objects.delete(key) !== true) return;
    held.sorted = undefined;
    this.shelf?.remove(bucket, key);
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
