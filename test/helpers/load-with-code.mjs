/**
 * Takes the place of `cli/program.js` in the bundle of tests: loads the program with the code that V8 has
 * made of it before. Started with WRITE_CODE it writes that code at its end, of all functions that have run.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, Script } from 'node:vm';

const filename = fileURLToPath(new URL('program.cjs', import.meta.url));
const codeFile = fileURLToPath(new URL('program.code', import.meta.url));
// It is ASCII, and read as such in a third of the time.
const source = readFileSync(filename, 'latin1');
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
  {
    filename,
    cachedData: existsSync(codeFile) ? readFileSync(codeFile) : undefined,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  },
);
if (process.env.WRITE_CODE) {
  process.once('exit', () => writeFileSync(codeFile, script.createCachedData()));
}
/** @type {{ exports: any }} */
const module = { exports: {} };
script.runInThisContext()(
  module.exports,
  createRequire(filename),
  module,
  filename,
  dirname(filename),
);

export const { runCommandLine } = module.exports;
