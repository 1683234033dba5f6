/**
 * Makes a fresh clone ready for `npm test` and `npm run demo`: npm packages, a Redis server
 * program, and `dist`. Prints nothing where all of it is there. It uses plain Node and no
 * dependencies, because it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isBuilt } from './build-stamp.mjs';
import { installRedis } from './install-redis.mjs';
import { arePackagesInstalled } from './installed-packages.mjs';
import { findRedisServer, HOW_TO_INSTALL_REDIS } from './redis-binary.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

if (process.platform === 'win32') {
  giveUp('Windows is not supported here; use WSL, where everything works as on Linux.');
}
const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
const [minimum = ''] = /[\d.]+/.exec(engines.node) ?? [];
if (process.versions.node.localeCompare(minimum, 'en', { numeric: true }) < 0) {
  giveUp(`Node ${minimum} or later is needed, and this is ${process.versions.node}.`);
}

if (!arePackagesInstalled()) {
  say('installing npm packages (some 150, mostly tools: ten seconds to a few minutes) …');
  if (!npm('ci', '--no-audit', '--no-fund', '--loglevel=error')) {
    giveUp('npm could not install the packages; its own message is above.');
  }
}
if (findRedisServer() === undefined) {
  say('installing a Redis server program (it is not started as a service) …');
  installRedis();
  if (findRedisServer() === undefined) giveUp(HOW_TO_INSTALL_REDIS);
}
if (!isBuilt()) {
  say('compiling to dist/ …');
  if (!npm('run', '--silent', 'build')) giveUp('the sources do not compile; see above.');
}

/** @param {...string} args */
function npm(...args) {
  // Inside an npm script this is the npm that runs it, which may not be the one on the PATH.
  const running = process.env.npm_execpath;
  const [program, first] = running?.endsWith('.js') ? [process.execPath, [running]] : ['npm', []];
  return spawnSync(program, [...first, ...args], { stdio: 'inherit' }).status === 0;
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
