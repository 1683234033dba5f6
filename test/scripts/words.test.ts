/** Words that have another one in ARCHITECTURE.md, and forms of code that it rules out. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['src', 'test', 'docs', 'demo', 'bench', 'scripts', 'examples', 'deploy'];
const TEXT = /\.(?:[mc]?[jt]s|css|html|json|md|sh|svg|ya?ml)$/;

/** A poll, an error, a heartbeat and a timeout have these names, and no others. */
const WORDS =
  /\b(?:look(?:s|ed)?|troubles?|surprises?|doorbells?|undertakers?|vital signs?|patience|strangers?|outcome\.outcome)\b/gi;

function filesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TEXT.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Paths with line numbers of what is found in the files. */
function placesOf(files: readonly string[], find: RegExp, prepare = (text: string) => text) {
  return files.flatMap((file) =>
    prepare(readFileSync(file, 'utf8'))
      .split('\n')
      .flatMap((line, index) =>
        [...line.matchAll(find)].map(
          ([found]) => `${file.slice(ROOT.length)}:${index + 1}: ${found}`,
        ),
      ),
  );
}

/** Parts of names as words: `nextLookAt` is `next Look At`. */
const inWords = (text: string) => text.replace(/_/g, ' ').replace(/([a-z0-9])(?=[A-Z])/g, '$1 ');

const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ' '));

const sources = filesOf('src');

test('each thing has one word in code, tests, docs and pages', () => {
  const all = [...FOLDERS.flatMap(filesOf), join(ROOT, 'README.md'), join(ROOT, 'ARCHITECTURE.md')];
  const others = all.filter((file) => basename(file) !== basename(import.meta.url));
  expect(others.length).toBeGreaterThan(300);
  expect(placesOf(others, WORDS, inWords)).toEqual([]);
});

test('no function throws what another returned as a value', () => {
  expect(placesOf(sources, /\bthrow await\b/g)).toEqual([]);
});

test('no parameter is called behind', () => {
  expect(placesOf(sources, /\bbehind\??\s*[:,)=]/g, withoutComments)).toEqual([]);
});

test('only the frame of the jobs knows how BullMQ is told to move one', () => {
  const files = sources.filter((file) =>
    /\bDelayedError\b/.test(withoutComments(readFileSync(file, 'utf8'))),
  );
  expect(files.map((file) => file.slice(ROOT.length))).toEqual(['src/workers/runtime/run-step.ts']);
});
