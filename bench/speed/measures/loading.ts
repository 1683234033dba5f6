/**
 * What importing the package costs an app at its start: files that are loaded, counted by a hook, and
 * the time of the import, without it. `dist` is measured, each time in a process of its own.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const COUNT = 'test/helpers/loaded-modules.mjs';
const PACKAGE = './dist/index.js';
const CLIENT = './dist/client/index.js';
/** Loaded when the first client is created. */
const SESSION = './dist/client/session.js';
/** The first finds files that are not in memory. */
const WARM_UPS = 1;

export interface Loading {
  modules: number;
  /** Of each run. */
  ms: number[];
}

/** The turns alternate, so that other users of the machine disturb all of them alike. */
export async function measureLoading(
  runs: number,
): Promise<Record<'all' | 'client' | 'withSession', Loading>> {
  const measured = {
    all: await count(PACKAGE),
    client: await count(CLIENT),
    withSession: await count(CLIENT, SESSION),
  };
  for (let turn = 0; turn < WARM_UPS + runs; turn += 1) {
    const times = {
      all: await time(PACKAGE),
      client: await time(CLIENT),
      withSession: await time(CLIENT, SESSION),
    };
    if (turn < WARM_UPS) continue;
    for (const name of ['all', 'client', 'withSession'] as const) {
      measured[name].ms.push(times[name]);
    }
  }
  return measured;
}

async function count(...names: string[]): Promise<Loading> {
  const lines = (await node(COUNT, ...names)).split('\n').filter((line) => line !== '');
  return { modules: new Set(lines).size, ms: [] };
}

async function time(...names: string[]): Promise<number> {
  const imports = names.map((name) => `await import('${name}');`).join('');
  const code = `const start = performance.now();${imports}console.log(performance.now() - start);`;
  return Number(await node('--input-type=module', '--eval', code));
}

async function node(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return stdout;
}
