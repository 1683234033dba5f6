/**
 * Prints the files that an import loads, one a line, CommonJS included:
 *
 *     node test/helpers/loaded-modules.mjs atlas-batch/client
 *
 * Names are resolved from the current folder. With several names: what all of them load.
 */
import { writeSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

/** @param {string} url @param {object} context @param {(url: string, context: object) => unknown} next */
export function load(url, context, next) {
  // Node runs hooks in a thread of their own, whose console is late.
  if (url.startsWith('file:')) writeSync(1, `${new URL(url).pathname}\n`);
  return next(url, context);
}

if (isMainThread) {
  const require = createRequire(pathToFileURL(`${process.cwd()}/`));
  register(import.meta.url);
  for (const name of process.argv.slice(2)) await import(pathToFileURL(require.resolve(name)).href);
  writeSync(1, Object.keys(require.cache).join('\n'));
}
