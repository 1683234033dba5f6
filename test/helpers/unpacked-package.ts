import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/**
 * A folder of an app that has the package installed, as npm would publish it from `dist` as it is. What it depends on
 * are links to what this clone has: to install it would take a minute, as `e2e/installed-package.e2e.ts` does.
 */
export async function unpackPackage(): Promise<{ app: string; remove: () => Promise<void> }> {
  const app = await mkdtemp(join(tmpdir(), 'atlas-batch-app-'));
  const remove = () => rm(app, { recursive: true, force: true });
  const modules = join(app, 'node_modules');
  await mkdir(join(modules, '.bin'), { recursive: true });
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', app];
  const { stdout } = await run('npm', pack, { cwd: ROOT });
  await run('tar', ['-xzf', join(app, stdout.trim()), '-C', app]);
  await rename(join(app, 'package'), join(modules, 'atlas-batch'));
  const dependencies = await readdir(join(ROOT, 'node_modules'));
  for (const name of dependencies.filter((name) => !name.startsWith('.'))) {
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  await symlink('../atlas-batch/dist/cli.js', join(modules, '.bin/atlas-batch'));
  return { app, remove };
}
