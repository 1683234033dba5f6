/** Each short form of an option does what its long form does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import type { Upload } from '../../src/jobs/state/batch-state.js';
import { linesShown, onTerminal } from '../helpers/on-terminal.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { CLI, type CliRun } from './run-cli.js';
import { runCommand } from './run-command.js';

const uploadOf = (i: number): Upload => ({
  ...{ round: 1, documentIndexes: '0-1', scoped: false, resubmissions: 0 },
  ...{ atlasBatchId: `BATCH-${i}`, sentAt: 1, expectedPollRuns: 0 },
  state: 'ended',
  result: {
    ...{ status: 'complete', missing: '', present: 2, unexpected: 0, unreadable: 0, polls: 1 },
    ...{ stored: true, endedAt: 1 },
  },
});
const PLANTED: PlantedBatch[] = [
  {
    ...{ reference: 'done', state: 'completed' },
    // More than status shows.
    uploads: Array.from({ length: 12 }, (_, i) => uploadOf(i)),
  },
  { reference: 'lost', state: 'failed' },
  { reference: 'empty', state: 'failed' },
  { reference: 'running', state: 'processing' },
];
const MANIFEST = JSON.stringify({
  ...{ reference: 'done', productType: 'LOAN_APP' },
  documents: [0, 1].map((i) => ({
    ...{ documentId: `doc-${i}`, bucket: 'kyc-documents', key: `done/${i}.jpg` },
  })),
});
const NEW_MANIFEST = MANIFEST.replaceAll('done', 'new');

/** A command line without the option, and what comes into it in the place of `OPTION`. */
interface Case {
  /** As the program lists them: command, short form and long form. */
  option: string;
  line: string;
  input?: string;
}

const CASES: readonly Case[] = [
  { option: '-V --version', line: 'OPTION' },
  { option: 'submit -m --manifest', line: 'submit --dry-run OPTION -', input: MANIFEST },
  { option: 'submit -n --dry-run', line: 'submit --manifest - OPTION', input: NEW_MANIFEST },
  { option: 'submit -w --wait', line: 'submit --manifest - OPTION', input: MANIFEST },
  { option: 'submit -q --quiet', line: 'submit --manifest - OPTION', input: NEW_MANIFEST },
  { option: 'status -w --watch', line: 'status done OPTION' },
  { option: 'status -a --all', line: 'status done OPTION' },
  { option: 'status -t --timeline', line: 'status done OPTION' },
  { option: 'status -q --quiet', line: 'status done OPTION' },
  { option: 'list -l --limit', line: 'list --json OPTION 1' },
  { option: 'list -c --count', line: 'list --json OPTION' },
  { option: 'cancel -n --dry-run', line: 'cancel running OPTION' },
  { option: 'cancel -y --yes', line: 'cancel --product LOAN_APP OPTION' },
  { option: 'cancel -q --quiet', line: 'cancel running OPTION' },
  { option: 'retry -n --dry-run', line: 'retry lost OPTION' },
  { option: 'retry -y --yes', line: 'retry --product LOAN_APP OPTION' },
  { option: 'retry -q --quiet', line: 'retry lost OPTION' },
  { option: 'redeliver -n --dry-run', line: 'redeliver done OPTION' },
  { option: 'redeliver -y --yes', line: 'redeliver --product LOAN_APP OPTION' },
  { option: 'redeliver -q --quiet', line: 'redeliver done OPTION' },
  { option: 'deadline -q --quiet', line: 'deadline extend running 1h OPTION' },
];
/** These are seen in what is written elsewhere, or asked: tests of their own are below. */
const OF_THEIR_OWN = ['results -o --output', 'erase -y --yes'];

test('every short form of an option is tested here', () => {
  const program = createProgram(() => {});
  const listed = [program, ...program.commands].flatMap((command) =>
    command.options
      .filter(({ short }) => short !== undefined)
      .map(({ short, long }) =>
        [command === program ? [] : command.name(), short, long].flat().join(' '),
      ),
  );
  expect([...CASES.map(({ option }) => option), ...OF_THEIR_OWN].sort()).toEqual(listed.sort());
});

/** Runs a command among batches that no other run has met. */
async function runAmongPlanted(line: string, input = ''): Promise<CliRun> {
  const { queues, url, prefix } = openTestQueues();
  await plant(queues, PLANTED);
  const args = line.split(' ').filter((arg) => arg !== '');
  return runCommand(args, { REDIS_URL: url, QUEUE_PREFIX: prefix }, input);
}

test.each(CASES)('of $option the short form does what the long one does', async (one) => {
  const [short = '', long = ''] = one.option.split(' ').slice(-2);
  const run = (option: string) => runAmongPlanted(one.line.replace('OPTION', option), one.input);
  const done = await run(short);
  expect(done).toEqual(await run(long));
  expect(done).not.toEqual(await run(''));
});

test.each(createProgram(() => {}).commands.map((command) => command.name()))(
  '%s -h prints its help',
  async (name) => {
    const help = await runCommand([name, '-h']);
    expect(help).toEqual(await runCommand([name, '--help']));
    expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: /) });
  },
);

test.each(['-o', '--output'])('results %s writes a file', async (option) => {
  const folder = await mkdtemp(join(tmpdir(), 'results-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // Nothing of it was ever sent, so there is nothing to be read from S3.
  const { stdout } = await runAmongPlanted(
    `results empty ${option} ${join(folder, 'empty.jsonl')}`,
  );
  expect([stdout, await readdir(folder)]).toEqual(['', ['empty.jsonl']]);
});

const QUESTION = 'to be sure: ';

test.each([
  ['-y', false],
  ['--yes', false],
  ['', true],
])('on a terminal, erase with the option "%s" asks: %s', async (option, asks) => {
  const { url, prefix } = openTestQueues();
  const command = `"${process.execPath}" "${inject('bundledCli') ?? CLI}" erase never ${option}`;
  const child = spawn(...onTerminal(command), {
    env: { PATH: process.env.PATH, TERM: 'xterm', REDIS_URL: url, QUEUE_PREFIX: prefix },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const isAsked = !shown.includes(QUESTION) && (shown + text).includes(QUESTION);
    shown += text;
    if (isAsked) child.stdin.write('no\n');
  });
  expect(await once(child, 'close')).toEqual([asks ? 2 : 1, null]);
  expect(linesShown(shown).join('\n')).toContain(
    asks ? 'never is not erased' : 'no batch never is known here',
  );
});
