/** Reads files that people name in variables. */
import { readFileSync, statSync } from 'node:fs';

/**
 * The content of a file. A pipe or a device may have no end: whoever read one would wait for ever.
 * @throws Error with a `code`, of Node or `no regular file`.
 */
export function readRegularFile(path: string): Buffer {
  if (!statSync(path).isFile()) {
    throw Object.assign(new Error(`${path} is no regular file`), { code: 'no regular file' });
  }
  return readFileSync(path);
}
