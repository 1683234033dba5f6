/**
 * Objects on disk. Each object has a file for its body and one for its description. Both are renamed
 * into place when they are complete, the description last, so that a crash leaves whole objects only.
 */
import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

/** The folder of a bucket's descriptions; no object's file name starts with a dot. */
const DESCRIPTIONS = '.objects';
/** Longest part of a key in a file name. File systems take names of 255 bytes. */
const READABLE_LENGTH = 150;

const DESCRIPTION = z.object({
  key: z.string(),
  size: z.number(),
  /** In quotes, as S3 sends it. */
  etag: z.string(),
  contentType: z.string(),
  /** Milliseconds since 1970. */
  lastModified: z.number(),
});

export type ObjectInfo = z.infer<typeof DESCRIPTION>;

export class DiskShelf {
  constructor(readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  /** Every bucket with what it holds. */
  load(): [bucket: string, objects: ObjectInfo[]][] {
    return readdirSync(this.directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => {
        this.createBucket(name);
        const folder = join(this.directory, name, DESCRIPTIONS);
        const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
        const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
        return [name, files.map((file) => DESCRIPTION.parse(read(file)))];
      });
  }

  createBucket(bucket: string): void {
    mkdirSync(join(this.directory, bucket, DESCRIPTIONS), { recursive: true });
  }

  write(bucket: string, info: ObjectInfo, body: Buffer): void {
    writeWhole(this.#bodyFile(bucket, info.key), body);
    writeWhole(this.#descriptionFile(bucket, info.key), JSON.stringify(info));
  }

  read(bucket: string, key: string): Buffer {
    return readFileSync(this.#bodyFile(bucket, key));
  }

  remove(bucket: string, key: string): void {
    rmSync(this.#descriptionFile(bucket, key), { force: true });
    rmSync(this.#bodyFile(bucket, key), { force: true });
  }

  /** Removes a bucket with all that it holds. */
  removeBucket(bucket: string): void {
    rmSync(join(this.directory, bucket), { recursive: true, force: true });
  }

  #bodyFile(bucket: string, key: string): string {
    return join(this.directory, bucket, fileName(key));
  }

  #descriptionFile(bucket: string, key: string): string {
    return join(this.directory, bucket, DESCRIPTIONS, `${fileName(key)}.json`);
  }
}

/** The hash makes a name unique, also where case is ignored; the end of the key makes it readable. */
function fileName(key: string): string {
  const digest = hash('sha256', key).slice(0, 16);
  const readable = key.replace(/[^A-Za-z0-9._-]+/g, '_').slice(-READABLE_LENGTH);
  return `${digest}-${readable}`;
}

function writeWhole(file: string, content: Buffer | string): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, content);
  renameSync(partial, file);
}
