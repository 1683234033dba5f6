import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { BatchInput } from '../client/enqueue.js';
import { errorName, UsageError } from '../errors.js';

/**
 * Reads a manifest from a file, or from standard input for `-`. It is not validated: the client does
 * that and names every issue.
 * @throws UsageError when it cannot be read, or is no JSON.
 */
export async function readManifest(file: string): Promise<BatchInput> {
  let text: string;
  try {
    text = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read the manifest ${file} (${errorName(error)})`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`the manifest ${file} is not valid JSON`);
  }
}
