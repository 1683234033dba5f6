/** Brings a Redis server program onto this machine, where that asks for no password and no answer. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { downloadRedis } from './download-redis.mjs';
import { runCommand } from './run-command.mjs';

/** Debian starts every service that it installs, unless this program says no with code 101. */
const POLICY = '/usr/sbin/policy-rc.d';

/**
 * How Redis may be brought here. `apt-get`: installed by root. `download`: unpacked into the project's
 * own folder by anybody. `brew`: Homebrew, which refuses root. Undefined: a person must do it.
 * @param {{ isRoot: boolean, has: (program: string) => boolean }} machine
 * @returns {'apt-get' | 'download' | 'brew' | undefined}
 */
export function wayToRedis({ isRoot, has }) {
  if (has('apt-get') && isRoot) return 'apt-get';
  if (has('apt-get') && has('dpkg')) return 'download';
  if (has('brew') && !isRoot) return 'brew';
  return undefined;
}

/** For this machine. */
export function wayHere() {
  return wayToRedis({ isRoot: process.getuid?.() === 0, has });
}

/**
 * Tries; whether it worked is seen by searching for the program again.
 * @param {'apt-get' | 'download' | 'brew'} way
 */
export async function installRedis(way) {
  if (way === 'apt-get') await installByApt();
  else if (way === 'download') await downloadRedis();
  else {
    await runCommand('brew', ['install', '--quiet', 'redis'], {
      env: { HOMEBREW_NO_AUTO_UPDATE: '1' },
    });
  }
}

async function installByApt() {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const forbidsServices = existsSync('/usr/sbin') && !existsSync(POLICY);
  const allowServices = () => rmSync(POLICY, { force: true });
  if (forbidsServices) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    process.on('exit', allowServices);
  }
  const install = ['install', '-qq', '-y', '--no-install-recommends', 'redis-server'];
  if (await runCommand('apt-get', ['update', '-qq'], { env })) {
    await runCommand('apt-get', install, { env });
  }
  if (forbidsServices) {
    allowServices();
    process.off('exit', allowServices);
  }
}

/** @param {string} program */
function has(program) {
  return spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}
