/**
 * Debian's Redis without root: unpacked into a folder of the project, where a small program starts the
 * server with the libraries beside it.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackDebianPackages } from './debian-packages.mjs';
import { DOWNLOADED_REDIS } from './redis-binary.mjs';

const PACKAGE = 'redis-server';
/** The C library is there wherever a program runs; a second one beside it would break them all. */
const NEVER_UNPACKED = /^(libc6|libgcc-s1|gcc-\d+-base|libcrypt1)$/;

/**
 * Resolves in any case; whether it worked is seen by searching for the program.
 * @param {string} [folder] what was in it is replaced
 */
export function downloadRedis(folder = DOWNLOADED_REDIS) {
  return unpackDebianPackages(folder, dependencies, writeStarter);
}

/**
 * The package and what it needs to run, real packages only.
 * @param {readonly string[]} options of apt
 */
function dependencies(options) {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const { stdout } = spawnSync(
    'apt-cache',
    [...options, 'depends', '--recurse', ...kinds.map((kind) => `--no-${kind}`), PACKAGE],
    { encoding: 'utf8' },
  );
  const names = (stdout ?? '').split('\n').filter((line) => /^[a-z0-9][a-z0-9.+-]*$/.test(line));
  const libraries = names.filter((name) => name.startsWith('lib') || name.startsWith('lua'));
  return [PACKAGE, 'redis-tools', ...libraries].filter((name) => !NEVER_UNPACKED.test(name));
}

/** @param {string} folder */
function writeStarter(folder) {
  const script = `#!/bin/sh
root="$(dirname "$(dirname "$(readlink -f "$0")")")/root"
for directory in "$root"/usr/lib/*-linux-* "$root"/lib/*-linux-* "$root"/usr/lib; do
  LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$directory"
done
export LD_LIBRARY_PATH
exec "$root/usr/bin/redis-server" "$@"
`;
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'bin', 'redis-server'), script, { mode: 0o755 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await downloadRedis(process.argv[2]);
