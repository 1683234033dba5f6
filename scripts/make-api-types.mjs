/**
 * Writes the types of the HTTP API as openapi-typescript makes them of its document: what an app in TypeScript
 * would generate. Usage: node scripts/make-api-types.mjs [FILE]; a test compares, and uses them.
 *
 * The generator needs the API of TypeScript, which version 7 does not have. The one inside
 * @ts-morph/common does, and unlike another version of TypeScript it brings no second `tsc`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { argv } from 'node:process';

const [, , file = 'test/server/api/openapi-types.ts'] = argv;

const TYPESCRIPT = `data:text/javascript,${encodeURIComponent(
  `import { createRequire } from 'node:module';
   export default createRequire(${JSON.stringify(import.meta.url)})('@ts-morph/common').ts;`,
)}`;
register(
  `data:text/javascript,${encodeURIComponent(
    `export const resolve = (name, context, next) =>
       name === 'typescript'
         ? { url: ${JSON.stringify(TYPESCRIPT)}, shortCircuit: true }
         : next(name, context);`,
  )}`,
);

const { astToString, default: generate } = await import('openapi-typescript');
const document = JSON.parse(readFileSync('schemas/openapi.json', 'utf8'));
const types = astToString(await generate(document));
writeFileSync(file, `/** Made by scripts/make-api-types.mjs. */\n${types}`);
