/**
 * Makes a fresh clone ready for `npm test` and `npm run demo`: npm packages, a Redis server
 * program, and `dist`. Prints nothing where all of it is there. It uses plain Node and no
 * dependencies, because it runs before anything is installed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isBuilt } from './build-stamp.mjs';
import { installRedis, wayHere } from './install-redis.mjs';
import { arePackagesInstalled } from './installed-packages.mjs';
import { findRedisServer, HOW_TO_INSTALL_REDIS } from './redis-binary.mjs';
import { runCommand } from './run-command.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

if (process.platform === 'win32') {
  giveUp('Windows is not supported here; use WSL, where everything works as on Linux.');
}
const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
const [minimum = ''] = /[\d.]+/.exec(engines.node) ?? [];
if (process.versions.node.localeCompare(minimum, 'en', { numeric: true }) < 0) {
  giveUp(
    `Node ${minimum} or later is needed, and this is ${process.versions.node}: nvm install --lts`,
  );
}

// First what may need a person: nobody likes to learn of it after a minute of installing.
if (findRedisServer() === undefined) {
  const way = wayHere();
  if (way === undefined) giveUp(HOW_TO_INSTALL_REDIS);
  const where = way === 'download' ? 'unpacked into .redis/' : 'not started as a service';
  say(`bringing a Redis server program here (${where}) …`);
  await installRedis(way);
  if (findRedisServer() === undefined) giveUp(HOW_TO_INSTALL_REDIS);
}
if (!arePackagesInstalled()) {
  say('installing npm packages (ten seconds to a few minutes) …');
  if (!(await npm('ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'))) {
    giveUp('npm could not install the packages; see above. To try it alone: npm ci');
  }
}
if (!isBuilt()) {
  say('compiling to dist/ …');
  if (!(await runCommand(process.execPath, ['scripts/build.mjs']))) {
    giveUp('the sources do not compile; see above.');
  }
}

/** @param {...string} args */
function npm(...args) {
  // Inside an npm script this is the npm that runs it, which may not be the one on the PATH.
  const running = process.env.npm_execpath;
  const [program, first] = running?.endsWith('.js') ? [process.execPath, [running]] : ['npm', []];
  return runCommand(program, [...first, ...args]);
}

/** @param {string} message */
function say(message) {
  console.error(`prepare: ${message}`);
}

/**
 * @param {string} message
 * @returns {never}
 */
function giveUp(message) {
  say(message);
  process.exit(1);
}
