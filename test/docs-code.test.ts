/**
 * The blocks of code in the README and in docs: what a reader copies has to work. JavaScript and
 * TypeScript are type-checked here (some are run by `examples.test.ts`), commands have to exist (those of ours
 * are run by `docs-shell.test.ts`), JSON has to fit its schema or its type. Blocks of other languages have to
 * parse, but Elixir; Java is run by `e2e/java-quickstart.e2e.ts`. Nothing here compiles C#, Go, PHP, Python or
 * Rust. Commands of Redis are run by `integration/least-permissions.test.ts`.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Language, Parser } from '@vscode/tree-sitter-wasm';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, onTestFinished, test } from 'vitest';
import { createProgram } from '../src/cli/program.js';
import { loadConnectionConfig } from '../src/config/environment.js';
import { targetOf } from '../src/redis/connection/target.js';
import { problemSchema } from '../src/server/api/problem.js';
import { signWebhook } from '../src/workers/webhook/signature.js';
import { codeBlocks } from './helpers/code-blocks.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'],
  ...['compose', 'ecs', 'iam', 'kubernetes'].map((name) => `deploy/${name}/README.md`),
].concat(
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
  const checked = ['js', 'ts', 'sh', 'json', 'dotenv', 'http', 'redis', ...Object.keys(GRAMMARS)];
  const notChecked = ['text', 'mermaid', 'elixir'];
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

/** What the compiler says of files that are in one folder. */
async function compile(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-code-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, code] of Object.entries(files)) await writeFile(join(folder, name), code);
  const config = { extends: join(ROOT, 'tsconfig.json'), include: ['*.mjs', '*.mts', '*.d.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const checked = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  return checked.stdout;
}

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

/** JSON that has a type and no schema: a part of it that nothing else has, and the type. */
const TYPED_JSON = [
  ['"audit"', `{ audit: true } & import('${ROOT}src/jobs/audit-record.js').AuditRecord`],
  ['"digest"', `import('${ROOT}src/batches/erase/erase-batch.js').ErasureCertificate`],
  ['"Rules"', "import('@aws-sdk/client-s3').BucketLifecycleConfiguration"],
] as const;

test('JSON in the docs fits its schema', () => {
  const ajv = addFormats.default(new Ajv2020());
  const schema = JSON.parse(readFileSync('schemas/batch-completed.schema.json', 'utf8'));
  const isSummary = ajv.compile(schema);
  const isTyped = (code: string) => TYPED_JSON.some(([part]) => code.includes(part));
  const blocks = ofLanguage('json').filter(({ code }) => !isTyped(code));
  expect(blocks.length).toBeGreaterThan(0);
  const isKnown = (data: unknown) => isSummary(data) || problemSchema.safeParse(data).success;
  expect(blocks.filter(({ code }) => !isKnown(JSON.parse(code)))).toEqual([]);
});

test('JavaScript and TypeScript in the docs agree with the types, and so does JSON that has no schema', async () => {
  const code = ofLanguage('js', 'ts').map(({ page, language, code }, index) => [
    `${page.replaceAll('/', '-')}-${index}.m${language}`,
    `${code}\nexport {};\n`,
  ]);
  const data = TYPED_JSON.map(([part, type], i) => {
    const blocks = ofLanguage('json').filter(({ code }) => code.includes(part));
    expect(blocks).toHaveLength(1);
    const value = JSON.stringify(JSON.parse(blocks[0]?.code ?? ''), null, 2);
    return [`json-${i}.mts`, `export const data: ${type} = ${value};\n`];
  });
  const files = Object.fromEntries([...code, ...data]);
  expect(await compile({ ...files, 'given.d.ts': GIVEN })).toBe('');
});

test('the rules of a bucket in the docs do what the text says, and each of them is one that S3 takes', () => {
  const [block] = ofLanguage('json').filter(({ code }) => code.includes('"Rules"'));
  const { Rules: rules } = JSON.parse(block?.code ?? '');
  expect(rules.map(({ ID: id }: { ID: string }) => id)).toEqual([
    'atlas-results',
    'delete-markers',
  ]);
  const [results, markers] = rules;
  expect(readFileSync('docs/personal-data.md', 'utf8')).toContain(
    `removes results after ${results.Expiration.Days} days`,
  );
  // S3 refuses a rule that counts days and removes marks of deletions.
  expect(Object.keys(results.Expiration)).toEqual(['Days']);
  expect(markers.Expiration).toEqual({ ExpiredObjectDeleteMarker: true });
});

test('variables in the docs are a Redis that can be connected to', () => {
  const targets = ofLanguage('dotenv').map(({ code }) => {
    const lines = code.trimEnd().split('\n');
    const variables = lines.map(
      (line) => /^([A-Z_]+)=(\S+)(?: +#.*)?$/.exec(line)?.slice(1) ?? [line],
    );
    return targetOf(loadConnectionConfig(Object.fromEntries(variables))).kind;
  });
  expect(targets).toEqual(['single', 'sentinels', 'cluster']);
});

test('the request that the docs show has the headers of a webhook', () => {
  const [block, ...others] = ofLanguage('http');
  expect(others).toEqual([]);
  const [head = '', body = ''] = block?.code.trimEnd().split('\n\n') ?? [];
  const [request, ...headers] = head.split('\n').map((line) => line.split(': '));
  expect(request).toEqual(['POST /atlas-events HTTP/1.1']);
  const { type, timestamp, data } = JSON.parse(body.replace('{…}', '{}'));
  expect([type, new Date(timestamp).toISOString(), data]).toEqual([
    'batch.completed',
    timestamp,
    {},
  ]);
  const { 'webhook-id': eventId = '', ...shown } = Object.fromEntries(headers);
  const signed = signWebhook([Buffer.from('key')], { eventId, body, nowMs: 0 });
  expect(Object.keys({ eventId, ...shown })).toEqual([
    ...['eventId', 'content-type', 'webhook-timestamp', 'webhook-signature'],
  ]);
  expect(signed).toMatchObject({ 'webhook-id': eventId });
  expect(shown['webhook-signature']).toHaveLength(signed['webhook-signature'].length);
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
    createProgram(() => {}).commands.map((command) => [command.name(), command]),
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
  const ofTheMachine = [
    ...['cd', 'curl', 'echo', 'git', 'test', 'npm', 'npx', 'node', 'printf', 'mkdir', 'chmod'],
    ...['kubectl', 'docker', 'aws'],
    // The package's, where it is on the PATH.
    'atlas-batch',
  ];
  const programs = ofLanguage('sh').flatMap(({ code }) =>
    code
      .replace(/\\\n/g, '')
      .split(/\n|&&/)
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.trim().split(' ')[0] ?? ''),
  );
  const isKnown = (program: string) =>
    program === '' || ofTheMachine.includes(program) || existsSync(join(ROOT, program));
  expect(programs.length).toBeGreaterThan(5);
  expect(programs.filter((program) => !isKnown(program))).toEqual([]);
});

test('a shell can read its blocks', () => {
  for (const { page, code } of ofLanguage('sh')) {
    const { stderr } = spawnSync('bash', ['-n', '-c', code], { encoding: 'utf8' });
    expect([page, stderr]).toEqual([page, '']);
  }
});

test('the benchmarks that the docs name exist', () => {
  const source = readFileSync('bench/speed/run.ts', 'utf8');
  const measures = [...source.matchAll(/^ {2}(?:async )?'?([a-z-]+)'?(?:\(\)|:) /gm)].map(
    ([, name]) => name,
  );
  expect(measures).toContain('throughput');
  const named = BLOCKS.flatMap(({ code }) => [...code.matchAll(/npm run bench -- (.*)/g)]).flatMap(
    ([, names = '']) => names.split(' '),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !measures.includes(name))).toEqual([]);
});
