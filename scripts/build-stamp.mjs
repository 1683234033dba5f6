/** Tells whether `dist` was built from the present sources. Paths are relative to the root. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** In node_modules: an installation of other compilers or libraries asks for a new build. */
const STAMP = 'node_modules/.atlas-batch/build';
/** Other files that `dist` depends on. */
const SETTINGS = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

/** One hash of the names and contents of all that `dist` is made from. */
export function sourcesHash() {
  const sources = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of [...SETTINGS, ...sources]) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** @param {string} hash of the sources as they were when the build began */
export function rememberBuild(hash) {
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, hash);
}

export function isBuilt() {
  const remembered = existsSync(STAMP) && readFileSync(STAMP, 'utf8');
  return existsSync('dist/cli.js') && remembered === sourcesHash();
}
