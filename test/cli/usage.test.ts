import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { testRedis } from '../helpers/redis.js';
import { CLI, runCli } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

const COMMANDS = createProgram(() => {}).commands.map((command) => command.name());
/** Of options that do not take any word. */
const VALUES: Record<string, string> = {
  '--since': '2h',
  '--until': '2h',
  '--sort': 'newest',
};
const NO_STACK = /^\s+at /m;

test('--version says the version of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help lists every command, and each command has help with examples', async () => {
  const { code, stdout } = await runCli(['--help']);
  expect(code).toBe(0);
  expect(COMMANDS).toEqual(expect.arrayContaining(['list', 'token', 'deadline']));
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  const [, documentation = ''] = /^Documentation: (.*)$/m.exec(stdout) ?? [];
  expect(readFileSync(documentation, 'utf8')).toMatch(/^# Documentation/);
  const helps = await Promise.all(COMMANDS.map((command) => runCommand([command, '--help'])));
  for (const [i, { code, stdout }] of helps.entries()) {
    expect(code).toBe(0);
    expect(stdout).toContain(`$ atlas-batch ${COMMANDS[i]}`);
    const examples = stdout.slice(stdout.indexOf('\nExamples:\n'));
    const starts = new RegExp(`^  \\$ (?:[A-Z_]+=\\S+ )*atlas-batch ${COMMANDS[i]}\\b`, 'gm');
    expect([COMMANDS[i], examples.match(starts)?.length ?? 0]).toEqual([
      COMMANDS[i],
      expect.toSatisfy((count: number) => count >= 2),
    ]);
    for (const [name] of examples.matchAll(/\b[A-Z_]+(?==)/g)) {
      expect(readFileSync('docs/configuration.md', 'utf8')).toContain(`\n| \`${name}\` | `);
    }
  }
});

test.each([
  { args: ['fly'], says: /unknown command 'fly'/ },
  { args: ['status'], says: /missing required argument 'reference'/ },
  { args: ['results', 'a', 'b'], says: /too many arguments/ },
  { args: ['worker', '--fast'], says: /unknown option '--fast'/ },
  { args: ['status', 'loan-1'], says: /REDIS_URL is missing/ },
  ...['0h', '31d', 'x'].map((time) => ({
    args: ['deadline', 'extend', 'loan-1', time],
    says: /^the time is how much more it gets, from 1s to 30d, such as 30m, 2h or 1d$/m,
  })),
  ...['0', '20000/s', 'x'].map((rate) => ({
    args: ['retry', 'loan-1', '--rate', rate],
    says: /^--rate is a number a second, at most 10000, such as 20\/s$/m,
  })),
  { args: ['list', '--state', 'lost'], says: /^--state is one of queued/m },
  { args: ['list', '--product', ''], says: /^--product names one that no batch can have$/m },
  {
    args: ['list', '--since', '1h', '--until', '2h'],
    says: /^--since must not be later than --until$/m,
  },
  { args: ['submit'], says: /say what to submit: --manifest FILE/ },
  {
    args: ['submit', '--manifest', '/nowhere'],
    says: /cannot read the manifest \/nowhere \(ENOENT\)/,
  },
  { args: ['simulator', '--server-port', '3'], says: /^--server-port goes with --all only/m },
  { args: ['simulator', '--port', 'x'], says: /must be a whole number/ },
  { args: ['simulator', '--documents', '/nowhere'], says: /cannot read the directory/ },
])('$args is wrong usage: a message, no stack, exit 2', async ({ args, says }) => {
  const { code, stdout, stderr } = await runCommand(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(NO_STACK);
});

test('every option that takes one value is refused when it is given twice', async () => {
  const twice = createProgram(() => {}).commands.flatMap((command) =>
    command.options
      .filter(({ required }) => required)
      .map(({ long = '', argChoices }) => {
        const value = argChoices?.[0] ?? VALUES[long] ?? '1';
        return { command: command.name(), long, args: [`${long}=${value}`, `${long}=${value}`] };
      }),
  );
  const several = ['state', 'code', 'product', 'tenant', 'priority', 'fault', 's3-fault'];
  for (const { command, long, args } of twice) {
    const isBulk = ['list', 'cancel', 'retry', 'redeliver', 'simulator'].includes(command);
    if (isBulk && several.includes(long.slice(2))) continue;
    const { code, stdout, stderr } = await runCommand([command, ...args]);
    const says = `${long} takes one value, and is given twice\n`;
    expect([command, code, stdout, stderr]).toEqual([command, 2, '', says]);
  }
});

test('an option of several values may be given twice', async () => {
  const { url, prefix } = testRedis();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const args = [
    'list',
    '--state',
    'failed',
    '--state',
    'waiting',
    '--product',
    'A',
    '--product',
    'B',
  ];
  expect((await runCommand(args, environment)).code).toBe(0);
});

test.each(['worker', 'start'])(
  '%s names every wrong variable at once, and no secret',
  async (command) => {
    const { code, stderr } = await runCli([command], {
      REDIS_URL: 'http://user:secret-canary@host',
      ATLAS_BASE_URL: 'http://atlas.example.com',
      ATLAS_CLIENT_ID: 'me',
      POLL_MIN_MS: 'soon',
      ON_AMBIGUOUS_SUBMISSION: 'guess',
    });
    expect(code).toBe(2);
    for (const name of [
      'REDIS_URL',
      'ATLAS_BASE_URL',
      'ATLAS_CLIENT_SECRET',
      'RESULTS_BUCKET',
      'POLL_MIN_MS',
      'ON_AMBIGUOUS_SUBMISSION',
    ]) {
      expect(stderr).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(stderr).toContain('got "soon"');
    expect(stderr).not.toContain('canary');
    expect(stderr).not.toMatch(NO_STACK);
  },
);

test.each([
  ['status', 'loan-1'],
  ['results', 'loan-1'],
  ['cancel', 'loan-1'],
])('%s says which Redis does not answer, and exits with 1', async (...args) => {
  const { code, stderr } = await runCli(args, { REDIS_URL: 'redis://127.0.0.1:1' });
  expect(code).toBe(1);
  expect(stderr).toBe('Redis at 127.0.0.1:1 does not answer (ECONNREFUSED)\n');
});

test.each(['status', 'results', 'cancel'])(
  '%s of an unknown batch exits with 1, and of an invalid reference with 2',
  async (command) => {
    const { url, prefix } = testRedis();
    const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
    const unknown = await runCommand([command, 'never'], environment);
    expect([unknown.code, unknown.stderr]).toEqual([1, 'no batch never is known here\n']);
    const wrong = await runCommand([command, 'a:b'], environment);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('a reference is')]);
  },
);

test.each(['status', 'cancel'])(
  '%s --json says of an unknown batch that it is unknown, and goes on with the next',
  async (command) => {
    const { url, prefix } = testRedis();
    const { code, stdout, stderr } = await runCommand([command, 'nope', 'never', '--json'], {
      REDIS_URL: url,
      QUEUE_PREFIX: prefix,
    });
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toBe(
      '{"status":"unknown","reference":"nope"}\n{"status":"unknown","reference":"never"}\n',
    );
  },
);

test('a full disk under the output is said in a sentence', async () => {
  const child = spawn('bash', ['-c', '"$0" "$1" --help > /dev/full', process.execPath, CLI]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(stderr).toBe('cannot write the output (ENOSPC); free some space, and run it again\n');
});

test('submit names every issue of a manifest and adds nothing', async () => {
  const { url, prefix } = testRedis();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const manifest = { reference: 'bad', productType: 5, documents: [{ documentId: '1' }], more: 1 };
  const { code, stderr } = await runCommand(
    ['submit', '--manifest', '-'],
    environment,
    JSON.stringify(manifest),
  );
  expect(code).toBe(2);
  for (const issue of ['productType', 'documents[0].bucket', 'documents[0].key', 'more']) {
    expect(stderr).toContain(`  ${issue} `);
  }
  expect((await runCommand(['status', 'bad'], environment)).code).toBe(1);
  const notJson = await runCommand(['submit', '--manifest', '-'], environment, '{');
  expect([notJson.code, notJson.stderr]).toEqual([
    2,
    'the manifest - is not valid JSON at line 1, column 2: expected a key or "}", found the end\n',
  ]);
});
