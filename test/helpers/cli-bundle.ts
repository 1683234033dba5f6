/**
 * The compiled command line in two files, for processes that tests start, and the code that V8 has made of
 * it. Node loads a thousand modules of `dist` and its packages in 1.5 s of CPU, one file in half of that, and
 * with the code of an earlier process in a quarter.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ASSETS = ['server/dashboard/assets', 'server/api/assets'];
const LOADER = fileURLToPath(new URL('load-with-code.mjs', import.meta.url));
/** What modules know of themselves, in the words of scripts. */
const URL_OF_FILE = "const fileUrl = require('node:url').pathToFileURL(__filename).href;";

export interface CliBundle {
  /** The file that takes the place of `dist/cli.js`. */
  cli: string;
  remove(): Promise<void>;
}

/** Whether there is something to bundle. */
export function isCompiled(): boolean {
  return existsSync(`${ROOT}dist/cli.js`);
}

/** @param redisUrl Of a Redis in which a worker may start. */
export async function bundleCli(redisUrl: string): Promise<CliBundle> {
  // Beside `dist`, for the code finds its package.json in the folder above.
  const folder = await mkdtemp(`${ROOT}dist.bundle-`);
  const remove = () => rm(folder, { recursive: true, force: true });
  // Also of a run that is broken off.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const cli = `${folder}/cli.js`;
  try {
    await bundleEntry(cli);
    await bundleProgram(`${folder}/cli`);
    await compile(cli, redisUrl);
  } catch (error) {
    await remove();
    throw error;
  }
  return { cli, remove };
}

/** What runs before the program is loaded: the check of Node's version, and what output that fails comes to. */
async function bundleEntry(outfile: string): Promise<void> {
  await build({
    entryPoints: [`${ROOT}dist/cli.js`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['./cli/program.js'],
    logLevel: 'warning',
  });
}

/** In CommonJS, for Node keeps code of scripts alone. Commands load what they need when they need it, as in `dist`. */
async function bundleProgram(folder: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [`${ROOT}dist/cli/program.js`],
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { 'import.meta.url': 'fileUrl' },
    banner: { js: URL_OF_FILE },
    // Each process reads all of it.
    minifyWhitespace: true,
    charset: 'ascii',
    logLevel: 'warning',
  });
  await mkdir(folder);
  const program = outputFiles[0]?.text ?? '';
  // esbuild leaves letters in patterns as they are.
  const ascii = program.replace(
    /[^\0-\x7f]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  await writeFile(`${folder}/program.cjs`, ascii);
  await copyFile(LOADER, `${folder}/program.js`);
  for (const assets of ASSETS) {
    await cp(`${ROOT}dist/${assets}`, `${folder}/assets`, { recursive: true });
  }
}

/** Starts worker and server once, so that the code of what they do then is kept. */
async function compile(cli: string, redisUrl: string): Promise<void> {
  const child = spawn(process.execPath, [cli, 'start'], {
    env: {
      PATH: process.env.PATH,
      WRITE_CODE: '1',
      REDIS_URL: redisUrl,
      QUEUE_PREFIX: '{compile}',
      PORT: '0',
      ADMIN_PORT: '0',
      DASHBOARD_USER: 'compile',
      DASHBOARD_PASSWORD: 'compile-compile',
      ATLAS_BASE_URL: 'http://127.0.0.1:9',
      ATLAS_CLIENT_ID: 'compile',
      ATLAS_CLIENT_SECRET: 'compile-compile',
      S3_ALLOWED_BUCKETS: 'compile',
      RESULTS_BUCKET: 'compile',
      AWS_REGION: 'ap-south-1',
      AWS_ACCESS_KEY_ID: 'compile',
      AWS_SECRET_ACCESS_KEY: 'compile',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    // A second one would end it at once.
    if (text.includes('worker started')) child.kill('SIGTERM');
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the worker whose code is to be kept ended: ${output}`);
}
