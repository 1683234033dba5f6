/**
 * The compiled command line in few files, for processes that tests start. Node loads a thousand modules of
 * `dist` and its packages in 1.5 s of CPU, and the same code in one bundle in half of that.
 */
import { existsSync, rmSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ASSETS = ['server/dashboard/assets', 'server/api/assets'];
/** Packages in CommonJS ask for what Node gives to CommonJS alone. */
const REQUIRE =
  "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);";

export interface CliBundle {
  /** The file that takes the place of `dist/cli.js`. */
  cli: string;
  remove(): Promise<void>;
}

/** Whether there is something to bundle. */
export function isCompiled(): boolean {
  return existsSync(`${ROOT}dist/cli.js`);
}

export async function bundleCli(): Promise<CliBundle> {
  // Beside `dist`, for the code finds its package.json in the folder above.
  const folder = await mkdtemp(`${ROOT}dist.bundle-`);
  const remove = () => rm(folder, { recursive: true, force: true });
  // Also of a run that is broken off.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    await build({
      entryPoints: [`${ROOT}dist/cli.js`],
      outdir: folder,
      bundle: true,
      // Commands load what they need when they need it, as in `dist`.
      splitting: true,
      platform: 'node',
      format: 'esm',
      banner: { js: REQUIRE },
      logLevel: 'warning',
    });
    for (const assets of ASSETS) {
      await cp(`${ROOT}dist/${assets}`, `${folder}/assets`, { recursive: true });
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { cli: `${folder}/cli.js`, remove };
}
