/** Where a Redis server program is on this machine. Plain JavaScript: `prepare.mjs` runs it bare. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `download-redis.mjs` puts one, for those who may not install programs. */
export const DOWNLOADED_REDIS = fileURLToPath(new URL('../.redis', import.meta.url));

/** Programs that speak Redis and are good enough for a private server, the best known first. */
const NAMES = ['redis-server', 'valkey-server'];

/** Homebrew's and Debian's places, for shells whose PATH lacks them, and our own. */
const USUAL_PLACES = [
  ...['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/local/bin'],
  join(DOWNLOADED_REDIS, 'bin'),
];

/** What to tell a person who has none. */
export const HOW_TO_INSTALL_REDIS =
  'a Redis server program is needed, and there is none. To install one:\n' +
  '  Debian, Ubuntu: sudo apt-get install -y redis-server\n' +
  '  Fedora:         sudo dnf install -y valkey\n' +
  '  Alpine:         sudo apk add redis\n' +
  '  macOS:          brew install redis\n' +
  'It need not run as a service: a private one is started, and stopped, as needed.';

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * @param {string} searchPath directories as in PATH
 * @param {readonly string[]} usualPlaces directories to search after those
 * @returns {string | undefined} absolute path of the program
 */
export function findRedisServer(searchPath = process.env.PATH ?? '', usualPlaces = USUAL_PLACES) {
  const directories = [...searchPath.split(delimiter), ...usualPlaces].filter(isAbsolute);
  return NAMES.flatMap((name) => directories.map((directory) => join(directory, name))).find(
    isProgram,
  );
}
