/** Writes lines to a file, or to standard output. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorCode, UsageError } from '../../errors.js';

/** Nothing of a file that was not written whole is left. @throws UsageError when it cannot be written. */
export async function writeLines(lines: AsyncIterable<string>, file?: string): Promise<void> {
  if (file === undefined) {
    await pipeline(Readable.from(lines), process.stdout, { end: false });
    return;
  }
  const partial = `${file}.partial`;
  const target = createWriteStream(partial);
  let refusal: unknown;
  target.on('error', (error) => {
    refusal = error;
  });
  try {
    await pipeline(Readable.from(lines), target);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    if (refusal !== error && Object(error).syscall !== 'rename') throw error;
    throw new UsageError(`cannot write ${file} (${errorCode(error)})`);
  }
}
