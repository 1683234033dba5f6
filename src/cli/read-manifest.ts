import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { BatchInput } from '../client/enqueue.js';
import { errorName, UsageError } from '../errors.js';
import { decodeText } from '../json.js';

/**
 * Reads a manifest from a file, or from standard input for `-`. It is not validated: the client does
 * that and names every issue. Windows writes UTF-16, and byte order marks.
 * @throws UsageError when it cannot be read, or is no text or no JSON.
 */
export async function readManifest(file: string): Promise<BatchInput> {
  let bytes: Buffer;
  try {
    bytes = await (file === '-' ? buffer(process.stdin) : readFile(file));
  } catch (error) {
    throw new UsageError(`cannot read the manifest ${file} (${errorName(error)})`);
  }
  const text = decodeText(bytes);
  if (text === undefined) {
    throw new UsageError(
      `the manifest ${file} is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`the manifest ${file} is not valid JSON`);
  }
}
