/**
 * Objects on disk. Each object has a file for its body and one for its description. Both are renamed
 * into place when they are complete, the description last, so that a crash leaves whole objects only.
 */
import { hash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { errorName, UsageError } from '../../errors.js';

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
  /** @throws UsageError when the directory cannot be made. */
  constructor(private readonly directory: string) {
    this.#onDisk(() => makeFolder(resolve(directory)));
  }

  /**
   * Every bucket with what it holds. A folder of somebody else is none, and stays as it is.
   * @throws UsageError that names the directory or the description that cannot be read.
   */
  load(): [bucket: string, objects: ObjectInfo[]][] {
    return this.#onDisk(() => readdirSync(this.directory))
      .map((bucket) => ({ bucket, folder: join(this.directory, bucket, DESCRIPTIONS) }))
      .filter(({ folder }) => isFolder(folder))
      .map(({ bucket, folder }) => {
        const files = this.#onDisk(() => readdirSync(folder));
        const descriptions = files.filter((file) => file.endsWith('.json'));
        return [bucket, descriptions.map((file) => readDescription(join(folder, file)))];
      });
  }

  /** @throws UsageError as {@link write} does. */
  createBucket(bucket: string): void {
    this.#onDisk(() => makeFolder(resolve(this.directory, bucket, DESCRIPTIONS)));
  }

  /** @throws UsageError when the disk does not take it. */
  write(bucket: string, info: ObjectInfo, body: Buffer): void {
    this.#onDisk(() => {
      writeWhole(this.#bodyFile(bucket, info.key), body);
      writeWhole(this.#descriptionFile(bucket, info.key), JSON.stringify(info));
    });
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

  #onDisk<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      const code = errorName(error);
      const why = code === 'EEXIST' ? 'a file is in the way' : code;
      throw new UsageError(`cannot keep objects in ${this.directory} (${why})`);
    }
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

/**
 * Makes a folder and those above it, from the top. The `recursive` of Node never ends where a folder
 * is there and takes none, such as `/proc`.
 */
function makeFolder(path: string): void {
  if (isFolder(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function readDescription(file: string): ObjectInfo {
  try {
    return DESCRIPTION.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new UsageError(`${file} describes no object; remove it`);
  }
}

function writeWhole(file: string, content: Buffer | string): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, content);
  renameSync(partial, file);
}
