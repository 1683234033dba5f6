/** Reads a folder of scans as objects of a bucket: the key of a file is its path below the folder. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, UsageError } from '../../errors.js';
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
    const target = await stat(path).catch(() => undefined);
    if (entry.isDirectory()) yield* readDocuments(folder, `${key}/`);
    else if (target?.isFile()) {
      const content = await unlessRefused(readFile(path), path);
      const why = whyClutter({ key, size: content.length });
      yield why === undefined ? { key, content } : { key, why };
    } else if (target?.isDirectory()) yield { key, why: 'a link to a folder' };
    else yield { key, why: entry.isSymbolicLink() ? 'a link to no file' : 'no file' };
  }
}

async function unlessRefused<T>(reading: Promise<T>, what: string): Promise<T> {
  return reading.catch((error) => {
    throw new UsageError(`cannot read ${what} (${errorCode(error)})`);
  });
}
