/** Reads a folder of scans as objects of a bucket: the key of a file is its path below the folder. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, UsageError } from '../errors.js';
import { whyClutter } from './clutter.js';

/** One file: its content, or why it is no document. */
export type FoundFile = { key: string } & ({ content: Buffer } | { why: string });

/**
 * Gives the files one by one, so that only one is in memory. Folders below are read too, but not
 * through links, which may lead in circles.
 * @throws UsageError naming what cannot be read.
 */
export async function* readDocuments(folder: string, prefix = ''): AsyncGenerator<FoundFile> {
  const entries = await unlessRefused(
    readdir(join(folder, prefix), { withFileTypes: true }),
    `the directory ${join(folder, prefix)}`,
  );
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const key = prefix + entry.name;
    const path = join(folder, key);
    if (entry.isDirectory()) yield* readDocuments(folder, `${key}/`);
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) {
      const content = await unlessRefused(readFile(path), path);
      const why = whyClutter({ key, size: content.length });
      yield why === undefined ? { key, content } : { key, why };
    } else yield { key, why: entry.isSymbolicLink() ? 'a link to no file' : 'no file' };
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (target) => target.isFile(),
    () => false,
  );
}

async function unlessRefused<T>(reading: Promise<T>, what: string): Promise<T> {
  return reading.catch((error) => {
    throw new UsageError(`cannot read ${what} (${errorCode(error)})`);
  });
}
