/**
 * The blocks of code in the README and in docs: what a reader copies has to work. JavaScript and
 * TypeScript are type-checked here (some are run by `examples.test.ts`), commands have to exist, JSON
 * has to fit its schema. Blocks of other languages have to parse, but Elixir; Java is run by
 * `e2e/java-quickstart.e2e.ts`. Nothing here compiles C#, Go, PHP, Python or Rust.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Language, Parser } from '@vscode/tree-sitter-wasm';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { cancelCommand } from '../src/cli/commands/cancel.js';
import { completionCommand } from '../src/cli/commands/completion.js';
import { deadlineCommand } from '../src/cli/commands/deadline.js';
import { doctorCommand } from '../src/cli/commands/doctor.js';
import { eraseCommand } from '../src/cli/commands/erase.js';
import { listCommand } from '../src/cli/commands/list.js';
import { pauseCommand, resumeCommand } from '../src/cli/commands/pause.js';
import { redeliverCommand } from '../src/cli/commands/redeliver.js';
import { resultsCommand } from '../src/cli/commands/results.js';
import { retryCommand } from '../src/cli/commands/retry.js';
import { simulatorCommand } from '../src/cli/commands/simulator.js';
import { statusCommand } from '../src/cli/commands/status.js';
import { submitCommand } from '../src/cli/commands/submit.js';
import { tokenCommand } from '../src/cli/commands/token.js';
import { userCommand } from '../src/cli/commands/user.js';
import { serverCommand, startCommand, workerCommand } from '../src/cli/commands/worker.js';
import { problemSchema } from '../src/server/api/problem.js';
import { codeBlocks } from './helpers/code-blocks.js';

const ROOT = new URL('..', import.meta.url).pathname;
const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].concat(
  readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);
const BLOCKS = PAGES.flatMap(codeBlocks);
/** Grammars of the languages whose blocks have to parse, and what a block goes on from. */
const GRAMMARS: Readonly<Record<string, { grammar: string; before?: string }>> = {
  csharp: { grammar: 'c-sharp' },
  go: { grammar: 'go' },
  java: { grammar: 'java' },
  php: { grammar: 'php', before: '<?php\n' },
  python: { grammar: 'python' },
  rust: { grammar: 'rust' },
};
const ofLanguage = (...languages: string[]) =>
  BLOCKS.filter(({ language }) => languages.includes(language));

/** What a block may take for granted: its text says where it comes from. */
const GIVEN = `
declare const atlas: import('atlas-batch').AtlasBatchClient;
declare const batch: import('atlas-batch').BatchRequest;
declare const simulators: Awaited<ReturnType<typeof import('atlas-batch/simulator').startSimulators>>;
declare const rawBody: string;
declare const request: { headers: Record<string, string> };
`;

test('every block of code is in a language of which is known how it is checked', () => {
  const checked = ['js', 'ts', 'sh', 'json', ...Object.keys(GRAMMARS)];
  const notChecked = ['', 'mermaid', 'elixir'];
  const known = new Set([...checked, ...notChecked]);
  expect(BLOCKS.filter(({ language }) => !known.has(language))).toEqual([]);
  expect(ofLanguage(...checked).length).toBeGreaterThan(10);
});

test('every consumer of events that the docs and examples show keeps an event however often it dies', () => {
  const shown = [
    ...BLOCKS.map(({ code }) => code),
    ...readdirSync(join(ROOT, 'examples'))
      .filter((name) => name.endsWith('.mjs'))
      .map((name) => readFileSync(join(ROOT, 'examples', name), 'utf8')),
  ];
  const consumers = shown.filter((code) => /Worker[\s\S]*atlas-completions/.test(code));
  expect(consumers).toHaveLength(5);
  for (const code of consumers) expect(code).toMatch(/max_?stalled_?count\W+1_000_000/i);
});

test('JavaScript and TypeScript in the docs agree with the types', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'docs-code-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'given.d.ts'), GIVEN);
  const blocks = ofLanguage('js', 'ts');
  for (const [index, { page, language, code }] of blocks.entries()) {
    const name = `${page.replaceAll('/', '-')}-${index}.m${language}`;
    await writeFile(join(folder, name), `${code}\nexport {};\n`);
  }
  const config = { extends: join(ROOT, 'tsconfig.json'), include: ['*.mjs', '*.mts', '*.d.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const checked = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(checked.stdout).toBe('');
});

test.each(Object.entries(GRAMMARS))(
  'blocks of code parse that are in %s',
  async (language, { grammar, before = '' }) => {
    await Parser.init();
    const parser = new Parser();
    const folder = join(ROOT, 'node_modules/@vscode/tree-sitter-wasm/wasm');
    parser.setLanguage(await Language.load(join(folder, `tree-sitter-${grammar}.wasm`)));
    const blocks = ofLanguage(language);
    expect(blocks.length).toBeGreaterThan(0);
    const isWrong = ({ code }: { code: string }) =>
      parser.parse(`${before}${code}`)?.rootNode.hasError ?? true;
    expect(blocks.filter(isWrong)).toEqual([]);
  },
);

test('JSON in the docs fits its schema', () => {
  const ajv = addFormats.default(new Ajv2020());
  const schema = JSON.parse(readFileSync('schemas/batch-completed.schema.json', 'utf8'));
  const isSummary = ajv.compile(schema);
  const blocks = ofLanguage('json');
  expect(blocks.length).toBeGreaterThan(0);
  const isKnown = (data: unknown) => isSummary(data) || problemSchema.safeParse(data).success;
  expect(blocks.filter(({ code }) => !isKnown(JSON.parse(code)))).toEqual([]);
});

test('scripts of npm that the docs name exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const named = PAGES.flatMap((page) => [
    ...readFileSync(page, 'utf8').matchAll(/npm run ([\w:]+)/g),
  ]).map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('commands of atlas-batch and their options that the docs name exist', () => {
  const commands = new Map(
    [
      ...[startCommand, workerCommand, serverCommand, simulatorCommand, submitCommand],
      ...[statusCommand, resultsCommand, cancelCommand, doctorCommand, completionCommand],
      ...[pauseCommand, resumeCommand, deadlineCommand, userCommand, tokenCommand],
      ...[listCommand, retryCommand, redeliverCommand, eraseCommand],
    ].map((create): [string, Command] => {
      const command = create(() => {});
      return [command.name(), command];
    }),
  );
  const inText = PAGES.flatMap((page) => [...readFileSync(page, 'utf8').matchAll(/`([^`\n]+)`/g)]);
  const lines = [
    ...inText.map(([, line = '']) => line),
    ...ofLanguage('sh').flatMap(({ code }) => code.split('\n')),
  ];
  const used = lines.flatMap((line) => {
    const [, name, rest = ''] =
      /^(?:(?:npx )?atlas-batch|node dist\/cli\.js) ([a-z]+)(.*)/.exec(line) ?? [];
    return name === undefined ? [] : [{ line, name, rest }];
  });
  expect(used.length).toBeGreaterThan(10);
  const unknown = used.filter(({ name, rest }) => {
    const options = commands.get(name)?.options.map(({ long }) => long);
    return !options || (rest.match(/--[\w-]+/g) ?? []).some((option) => !options.includes(option));
  });
  expect(unknown).toEqual([]);
  const reference = readFileSync('docs/commands.md', 'utf8');
  const names = [...commands.keys()];
  expect(names.filter((name) => !reference.includes(`\`atlas-batch ${name}`))).toEqual([]);
});

test('programs that the shell blocks start are known', () => {
  const ofTheMachine = ['cd', 'curl', 'echo', 'git', 'test', 'npm', 'npx', 'node'];
  const programs = ofLanguage('sh').flatMap(({ code }) =>
    code.split(/\n|&&/).map((line) => line.trim().split(' ')[0] ?? ''),
  );
  const isKnown = (program: string) =>
    program === '' || ofTheMachine.includes(program) || existsSync(join(ROOT, program));
  expect(programs.length).toBeGreaterThan(5);
  expect(programs.filter((program) => !isKnown(program))).toEqual([]);
});
