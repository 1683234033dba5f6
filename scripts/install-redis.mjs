/** Installs a Redis server program by the system's package manager, where that asks nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** Debian starts every service that it installs, unless this program says no with code 101. */
const POLICY = '/usr/sbin/policy-rc.d';

/** @typedef {{ program: string, args: readonly string[], env?: Record<string, string> }} Command */

/**
 * What would install Redis here; nothing where it would need a password or an answer.
 * @param {{ isRoot: boolean, has: (program: string) => boolean }} machine
 * @returns {readonly Command[]}
 */
export function installCommands({ isRoot, has }) {
  if (isRoot && has('apt-get')) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    return [
      { program: 'apt-get', args: ['update', '-qq'], env },
      {
        program: 'apt-get',
        args: ['install', '-qq', '-y', '--no-install-recommends', 'redis-server'],
        env,
      },
    ];
  }
  // Homebrew refuses to run as root.
  if (!isRoot && has('brew')) {
    return [
      {
        program: 'brew',
        args: ['install', '--quiet', 'redis'],
        env: { HOMEBREW_NO_AUTO_UPDATE: '1' },
      },
    ];
  }
  return [];
}

/** Tries; whether it worked is seen by searching for the program again. */
export function installRedis() {
  const commands = installCommands({ isRoot: process.getuid?.() === 0, has });
  withoutStartingServices(() =>
    commands.every(({ program, args, env }) => {
      // Progress belongs to standard error: standard output may be somebody's input.
      const stdio = /** @type {const} */ (['ignore', process.stderr.fd, 'inherit']);
      return (
        spawnSync(program, args, { stdio: [...stdio], env: { ...process.env, ...env } }).status ===
        0
      );
    }),
  );
}

/** @param {string} program */
function has(program) {
  return spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}

/** @param {() => void} work */
function withoutStartingServices(work) {
  const isOurs = process.getuid?.() === 0 && existsSync('/usr/sbin') && !existsSync(POLICY);
  // With a handler, Ctrl-C ends the command that runs, and then us, after the file is removed.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  if (isOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    if (isOurs) rmSync(POLICY, { force: true });
    process.off('SIGINT', ignore);
  }
}
