/**
 * Debian's programs without root: packages are fetched and unpacked into a folder of the project, where
 * nothing else of the machine knows them.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.mjs';

/**
 * Unpacks packages into `folder`, below `root/`; what was in it is replaced. Resolves in any case;
 * whether it worked is seen by searching for the program.
 * @param {string} folder
 * @param {(aptOptions: readonly string[]) => readonly string[]} namesOf the packages, once their list is there
 * @param {(folder: string) => void} [finish] adds what is needed beside the packages
 */
export async function unpackDebianPackages(folder, namesOf, finish = () => {}) {
  const fresh = `${folder}.new-${process.pid}`;
  const removeFresh = () => rmSync(fresh, { recursive: true, force: true });
  process.on('exit', removeFresh);
  try {
    if (await fetchPackages(fresh, namesOf)) {
      finish(fresh);
      rmSync(folder, { recursive: true, force: true });
      renameSync(fresh, folder);
    }
  } finally {
    removeFresh();
    process.off('exit', removeFresh);
  }
}

/**
 * @param {string} folder
 * @param {(aptOptions: readonly string[]) => readonly string[]} namesOf
 */
async function fetchPackages(folder, namesOf) {
  const packages = join(folder, 'packages');
  for (const part of ['packages', 'apt/lists/partial', 'apt/cache/archives/partial']) {
    mkdirSync(join(folder, part), { recursive: true });
  }
  // Lists of its own: those of the system may be old or absent, and belong to root.
  const own = [
    ...['-o', `Dir::State::lists=${join(folder, 'apt/lists')}`],
    ...['-o', `Dir::Cache=${join(folder, 'apt/cache')}`],
    ...['-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User='],
  ];
  if (!(await runCommand('apt-get', [...own, 'update', '-qq']))) return false;
  const options = { cwd: packages, quiet: true };
  const names = namesOf(own);
  if (!(await runCommand('apt-get', [...own, 'download', '-qq', ...names], options))) return false;
  for (const file of readdirSync(packages)) {
    if (!(await runCommand('dpkg', ['-x', join(packages, file), join(folder, 'root')]))) {
      return false;
    }
  }
  rmSync(packages, { recursive: true });
  rmSync(join(folder, 'apt'), { recursive: true });
  return true;
}
