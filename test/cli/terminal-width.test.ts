/** What the commands print on a terminal: no line is wider than it, and no word is cut that has to be read. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { linesShown, onTerminal } from '../helpers/on-terminal.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { startSystem } from '../helpers/system.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { CLI } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

const WIDTHS = [80, 120];
const MANY_COMMANDS = fileURLToPath(new URL('many-commands.process.mjs', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** As long as references, tenants and product types may well be. */
const LONG_NAME = 'kyc-branch-north-of-the-river-2026-11-24-in-the-morning-0001';
const LONG_REASON =
  'Atlas refuses the credentials (401 Unauthorized) of the client loans-north; correct ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET, and retry it';
const HELPS = [
  ['--help'],
  ...createProgram(() => {}).commands.map((command) => [command.name(), '--help']),
];

/** What the commands print on a terminal of that width, by command. */
async function runOnTerminal(
  columns: number,
  commands: readonly (readonly string[])[],
  environment: Record<string, string> = {},
): Promise<Map<string, string[]>> {
  const program = join(dirname(inject('bundledCli') ?? CLI), 'cli/program.js');
  const command = `"${process.execPath}" "${MANY_COMMANDS}" "${program}"`;
  const child = spawn(...onTerminal(command, columns), {
    env: {
      ...{ PATH: process.env.PATH, TERM: 'xterm', COMMAND_LINES: JSON.stringify(commands) },
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text;
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  const parts = shown.split(/^==> /m).slice(1).map(linesShown);
  return new Map(parts.map(([line = '', ...lines]) => [line, lines]));
}

/** Where this clone is says nothing of the width of its lines. */
const withoutRoot = (line: string) => line.replaceAll(ROOT, '/');
const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== '');

test.each(WIDTHS)(
  'the help of each command fits a terminal of %i columns, and cuts no word',
  async (columns) => {
    const shown = await runOnTerminal(columns, HELPS);
    expect([...shown.keys()]).toEqual(HELPS.map((args) => args.join(' ')));
    for (const args of HELPS) {
      const lines = shown.get(args.join(' ')) ?? [];
      expect(lines.filter((line) => withoutRoot(line).length > columns)).toEqual([]);
      const piped = await runCommand(args);
      expect(wordsOf(lines.join('\n'))).toEqual(wordsOf(piped.stdout));
    }
  },
);

/** Batches of every state, some of which have long names and reasons. */
function batches(): PlantedBatch[] {
  const now = Date.now();
  const long = { tenant: LONG_NAME, productType: LONG_NAME, message: LONG_REASON };
  return [
    { reference: 'loan-8841', state: 'completed', addedAt: now - 9_000, endedAt: now },
    ...(['loan-8842', LONG_NAME] as const).map(
      (reference): PlantedBatch => ({
        ...{ reference, state: 'failed', code: 'ATLAS_UNAVAILABLE', present: 1 },
        ...{ addedAt: now - 9_000_000, endedAt: now - 7_000_000, ...long },
      }),
    ),
    { reference: 'loan-8843', state: 'processing', addedAt: now - 9_000, tenant: 'branch-12' },
    { reference: 'loan-8844', state: 'in-line', addedAt: now },
    { reference: 'loan-8845', addedAt: now },
  ];
}

test.each(WIDTHS)(
  'what list, status and doctor print fits a terminal of %i columns',
  async (columns) => {
    const system = await startSystem();
    const { queues, prefix } = openTestQueues();
    await plant(queues, batches());
    const environment = {
      ...{ ...system.environment, QUEUE_PREFIX: prefix },
      // Nobody listens there: a finding with what to do about it.
      COMPLETION_WEBHOOK_URL: 'http://127.0.0.1:9/webhook',
      COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    };
    const commands = [
      ['list'],
      ['list', '--sort', 'deadline'],
      ['list', '--count'],
      ['status', 'loan-8841', 'loan-8842', 'loan-8843', 'loan-8844', 'loan-8845'],
      ['status', LONG_NAME, '--timeline'],
      ['doctor'],
    ];
    const shown = await runOnTerminal(columns, commands, environment);
    for (const [command, lines] of shown) {
      // The address of an object is not broken: it can be copied whole.
      const wide = lines.filter((line) => line.length > columns && !line.includes('s3://'));
      expect(wide, command).toEqual([]);
    }
    const listed = shown.get('list')?.join('\n') ?? '';
    expect(listed).toMatch(/^loan-8842 +failed .* ATLAS_UNAVAILABLE/m);
    expect(listed).toMatch(/^kyc-branch-\S*…\S*-0001 +failed /m);
    const status = ['status', LONG_NAME, '--timeline'];
    const told = wordsOf(shown.get(status.join(' '))?.join('\n') ?? '');
    expect(told).toEqual(wordsOf((await runCommand(status, environment)).stdout));
    expect(shown.get('doctor')?.join('\n')).toMatch(/^(FAIL|warn) {2}webhook /m);
  },
);
