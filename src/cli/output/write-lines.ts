/** Writes lines to a file, or to standard output. */
import { createWriteStream } from 'node:fs';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorCode, UsageError } from '../../errors.js';

/**
 * Without a file, and for `-`, writes to standard output. A file is replaced at the end, by one that
 * is whole; a link still leads to it, and who may read it stays. What is no file, such as a device or
 * a pipe, is written as it is: to rename something over it would remove it.
 * @param signal Breaks it off, also where nobody takes what is written.
 * @throws UsageError when it cannot be written; what the lines throw; an error named AbortError.
 */
export async function writeLines(
  lines: AsyncIterable<string>,
  file = '-',
  signal?: AbortSignal,
): Promise<void> {
  if (file === '-') {
    await pipeline(Readable.from(lines), process.stdout, { end: false, signal });
    return;
  }
  // What does not exist yet has neither a path of its own nor a mode.
  const path = await realpath(file).catch(() => file);
  const existing = await stat(path).catch(() => undefined);
  let broken = false;
  // An error of the lines destroys the stream that is written, whose own error it then seems to be.
  const watched = watchFor(lines, () => {
    broken = true;
  });
  try {
    if (existing === undefined || existing.isFile()) {
      await replaceFile(watched, path, { mode: existing?.mode, signal });
    } else await pipeline(Readable.from(watched), createWriteStream(path), { signal });
  } catch (error) {
    if (broken || signal?.aborted) throw error;
    throw new UsageError(`cannot write ${file} (${errorCode(error)})`);
  }
}

async function replaceFile(
  lines: AsyncIterable<string>,
  path: string,
  { mode, signal }: { mode: number | undefined; signal: AbortSignal | undefined },
): Promise<void> {
  // With the process's id, for a file of somebody else may have the plain name.
  const partial = `${path}.${process.pid}.partial`;
  try {
    await pipeline(
      Readable.from(lines),
      createWriteStream(partial, mode === undefined ? {} : { mode: mode & 0o777 }),
      { signal },
    );
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Only what the lines themselves throw: a stream that is destroyed throws its error into them too. */
async function* watchFor(lines: AsyncIterable<string>, broken: () => void): AsyncGenerator<string> {
  const iterator = lines[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await iterator.next().catch((error: unknown) => {
        broken();
        throw error;
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
