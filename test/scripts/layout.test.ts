/** The size of files and folders of `src`, and how often a name is used: what keeps things easy to find. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A file is one concept, and is read in one go. What grows beyond this has become two. */
const MAX_LINES = 250;
/** So many names are taken in at a glance. What belongs together in a longer list gets a folder. */
const MAX_FILES = 16;
/** Whoever opens a file by its name chooses between two at most. */
const MAX_FILES_OF_A_NAME = 2;
/** The entries of the package, each named by its folder: `exports` of package.json says which. */
const ENTRIES = ['src/index.ts', 'src/client/index.ts', 'src/simulator/index.ts'];

const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));

const linesOf = (file: string) => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1;

/** What more files than the limit have in common, with their number. */
function above(limit: number, of: (file: string) => string, all: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const file of all) counts.set(of(file), (counts.get(of(file)) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > limit).map(([name, n]) => `${name}: ${n}`);
}

test('no file of src has more lines than one concept takes', () => {
  expect(files.length).toBeGreaterThan(300);
  const long = files.map((file) => [file, linesOf(file)] as const).filter(([, n]) => n > MAX_LINES);
  expect(long.map(([file, n]) => `${file}: ${n}`)).toEqual([]);
});

test('no folder of src has more files than are taken in at a glance', () => {
  expect(above(MAX_FILES, dirname, files)).toEqual([]);
});

test('no name of a file of src is used more than twice, but for the entries of the package', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const modules = Object.values(exports as Record<string, { default?: string } | string>)
    .flatMap((entry) => (typeof entry === 'string' ? [] : [entry.default ?? '']))
    .map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts'));
  expect(modules.sort()).toEqual([...ENTRIES].sort());
  const others = files.filter((file) => !ENTRIES.includes(file));
  expect(above(MAX_FILES_OF_A_NAME, (file) => basename(file), others)).toEqual([]);
});
