/**
 * Compiles `src` to `dist`, and copies the style sheets and the script of the pages. A new `dist`
 * replaces the old one as a whole, so that files of deleted sources do not stay, and a failed
 * compilation changes nothing.
 */
import { chmodSync, cpSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rememberBuild, sourcesHash } from './build-stamp.mjs';
import { runCommand } from './run-command.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const ASSETS = ['server/dashboard/assets', 'server/api/assets'];
const fresh = `dist.new-${process.pid}`;
const old = `dist.old-${process.pid}`;
process.on('exit', () => {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
});

const hash = sourcesHash();
const compiler = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
if (!(await runCommand(process.execPath, [...compiler, '--outDir', fresh]))) process.exit(1);

for (const folder of ASSETS) {
  cpSync(`src/${folder}`, `${fresh}/${folder}`, { recursive: true });
}
chmodSync(`${fresh}/cli.js`, 0o755);
try {
  renameSync('dist', old);
} catch (error) {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
renameSync(fresh, 'dist');
rememberBuild(hash);
