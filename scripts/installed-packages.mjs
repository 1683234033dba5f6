/** Checks that node_modules has the packages of package-lock.json, however they were installed. */
import { existsSync, readFileSync } from 'node:fs';

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }} Entry
 * @typedef {Readonly<Record<string, Entry>>} Packages path in the tree, such as
 *   `node_modules/zod`, to what is there
 */

/**
 * @param {Packages} wanted of package-lock.json
 * @param {Packages} installed of node_modules/.package-lock.json, where npm writes what it did
 * @returns {boolean} optional packages (those of other platforms) need not be there
 */
export function holdsAll(wanted, installed) {
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' ||
      optional === true ||
      devOptional === true ||
      installed[path]?.version === version,
  );
}

/** For the project in the current directory. */
export function arePackagesInstalled() {
  if (!existsSync('node_modules/.package-lock.json')) return false;
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  return (
    holdsAll(wanted, installed) &&
    Object.keys(installed).every((path) => existsSync(`${path}/package.json`))
  );
}

/**
 * @param {string} file
 * @returns {Packages}
 */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}
