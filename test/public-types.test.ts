/** What an editor shows of the package: its built declarations. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

interface Declaration {
  name: string;
  /** Without comments. */
  text: string;
}

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');

/** The declarations of a file: each begins at the start of a line. */
function declarationsOf(file: string): Declaration[] {
  return withoutComments(readFileSync(file, 'utf8'))
    .split(/^(?=\S)/m)
    .reduce<string[]>((parts, part) => {
      // A line that only goes on with, or closes, what began before it.
      if (/^(?:export|declare|interface|type|import)\b/.test(part)) parts.push(part);
      else parts.push(`${parts.pop() ?? ''}${part}`);
      return parts;
    }, [])
    .flatMap((text) => {
      const [, name] =
        /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const) (\w+)/.exec(
          text,
        ) ?? [];
      return name === undefined ? [] : [{ name, text }];
    });
}

/** Names that a file imports from files of the package. */
function ownImports(file: string): string[] {
  const imports = withoutComments(readFileSync(file, 'utf8')).matchAll(
    /^import (?:type )?\{([^}]*)\} from '\./gm,
  );
  return [...imports].flatMap(([, names = '']) => namesIn(names));
}

function namesIn(list: string): string[] {
  return [...list.matchAll(/\b(?!type\b)\w+/g)].map(([name]) => name);
}

/** The groups of names that an entry of the package exports, and the file of each. */
function groupsOf(entry: string) {
  const path = join(DIST, entry);
  const exported = withoutComments(readFileSync(path, 'utf8')).matchAll(
    /^export (?:type )?\{([^}]*)\} from '(.*?)';/gm,
  );
  return [...exported].map(([, names = '', from = '']) => ({
    names: namesIn(names),
    file: join(dirname(path), from.replace(/\.js$/, '.d.ts')),
  }));
}

const groups = groupsOf('index.d.ts');
const publicNames = new Set(groups.flatMap(({ names }) => names));

test('every name of the package leads to its declaration', () => {
  expect(publicNames.size).toBeGreaterThan(30);
  for (const { names, file } of groups) {
    expect(existsSync(file), file).toBe(true);
    const declared = declarationsOf(file).map(({ name }) => name);
    expect(declared, dirname(file)).toEqual(expect.arrayContaining(names));
  }
});

test('the client entry has every name of the package but those of workers', () => {
  const home = (entry: string) =>
    groupsOf(entry).flatMap(({ names, file }) => names.map((name) => `${name} of ${file}`));
  const ofWorkers =
    /^(AtlasBatchWorker|AtlasBatchWorkerOptions|createAtlasBatchWorker|WorkerSettings|Logger) of /;
  const expected = home('index.d.ts').filter((name) => !ofWorkers.test(name));
  expect(home('client/index.d.ts').sort()).toEqual(expected.sort());
});

test('no public member has a type that the package does not export', () => {
  const hidden = groups.flatMap(({ names, file }) => {
    const declarations = declarationsOf(file);
    const known = [...declarations.map(({ name }) => name), ...ownImports(file)];
    return declarations
      .filter(({ name }) => names.includes(name))
      .flatMap(({ name, text }) =>
        known
          .filter((other) => !publicNames.has(other) && new RegExp(`\\b${other}\\b`).test(text))
          .map((other) => `${name} needs ${other}`),
      );
  });
  expect(hidden).toEqual([]);
});

/** The members of an interface, each with the text of the doc comment right before it. */
function hoversOf(file: string, type: string): Map<string, string> {
  const text = readFileSync(join(DIST, file), 'utf8');
  const [, body = ''] = text.split(`export interface ${type} {`);
  const members = body
    .slice(0, body.indexOf('\n}'))
    .matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {4}(\w+)\??:/gm);
  return new Map(
    [...members].map(([, comment = '', name = '']) => [
      name,
      comment.replace(/\s*\n\s*\*\s*/g, ' ').trim(),
    ]),
  );
}

test('the hover of summary.polls says what a poll is', () => {
  expect(hoversOf('jobs/summary.d.ts', 'BatchSummary').get('polls')).toContain(
    'one poll is one attempt to read the extracts of an Atlas batch',
  );
});

test('the hover of documents[0].key says what the key is', () => {
  expect(hoversOf('jobs/request/request.d.ts', 'BatchDocument').get('key')).toContain(
    'S3 key of the scan',
  );
});

test.each([
  ['jobs/summary.d.ts', 'BatchSummary'],
  ['jobs/summary.d.ts', 'SummaryDocuments'],
  ['jobs/request/request.d.ts', 'BatchRequest'],
  ['jobs/request/request.d.ts', 'BatchDocument'],
  ['errors.d.ts', 'Reason'],
  ['batches/status/upload-status.d.ts', 'UploadStatus'],
  ['batches/status/deadline.d.ts', 'BatchDeadline'],
  ['batches/status/status.d.ts', 'BatchStatus'],
  ['client/completion-handler.d.ts', 'CompletionContext'],
  ['config/worker-options.d.ts', 'WorkerSettings'],
])('in %s every member of %s has a text', (file, type) => {
  const hovers = [...hoversOf(file, type)];
  expect(hovers.length).toBeGreaterThan(1);
  expect(hovers.filter(([, text]) => text === '')).toEqual([]);
});
