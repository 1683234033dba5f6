import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { onTerminal } from '../helpers/on-terminal.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { CLI, spawnCli } from './run-cli.js';
import { runCommand } from './run-command.js';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

vi.setConfig({ testTimeout: 60_000 });

test('submit of a batch that has failed says so, and what to do, and exits with 1', async () => {
  const system = await startSystem();
  await system.startWorker();
  const gone = {
    reference: 'gone',
    productType: 'LOAN_APP',
    documents: [{ documentId: '1', bucket: 'kyc-documents', key: 'gone.jpg' }],
  };
  const submit = (...args: string[]) =>
    runCommand(['submit', '--manifest', '-', ...args], system.environment, JSON.stringify(gone));
  expect((await submit('--wait')).code).toBe(1);
  const again = await submit();
  expect([again.code, again.stdout]).toEqual([1, '']);
  expect(again.stderr).toMatch(
    /^gone has failed before, OBJECT_NOT_FOUND: .*\n.*retry it by atlas-batch retry gone, or on its page/,
  );
  const json = await submit('--json');
  expect([json.code, JSON.parse(json.stdout)]).toMatchObject([
    1,
    {
      status: 'duplicate',
      reference: 'gone',
      state: 'failed',
      reason: { code: 'OBJECT_NOT_FOUND' },
    },
  ]);
});

test('submit --wait of sixty batches says in a few lines how they went', async () => {
  const system = await startSystem();
  await system.startWorker();
  const requests = await Promise.all(
    Array.from({ length: 60 }, (_, i) => system.request(`many-${i}`, 1, `${i}-`)),
  );
  const [first] = requests;
  if (first) first.documents = [{ documentId: 'x', bucket: 'kyc-documents', key: 'nowhere' }];
  const manifest = requests.map((request) => JSON.stringify(request)).join('\n');
  const run = await runCommand(
    ['submit', '--manifest', '-', '--wait'],
    system.environment,
    manifest,
  );
  expect([run.code, run.stderr]).toEqual([1, '']);
  const lines = run.stdout.trim().split('\n');
  expect(lines[0]).toBe('60 batches added');
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(/^many-0: failed, OBJECT_NOT_FOUND: /),
    '60 batches: 59 completed, 1 failed',
  ]);
  expect(lines.length).toBeLessThanOrEqual(14);
});

test('Ctrl-C on submit --wait says that the batch goes on, and it does', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker();
  const manifest = JSON.stringify(await system.request('loan-1', 1));
  const child = spawnCli(['submit', '--manifest', '-', '--wait'], system.environment);
  child.stdin?.end(manifest);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  await waitUntil('progress', () => stdout.includes('loan-1: processing'));
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([130, null]);
  expect(stderr).toBe('loan-1 goes on without us; atlas-batch status loan-1 --watch follows it\n');
  system.atlas.completeNow();
  expect((await system.event('done-loan-1')).name).toBe('batch.completed');
});

test('Ctrl-C on a terminal says it too, below what was drawn, and gives the cursor back', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker();
  await system.request('loan-1', 1);
  const command = `"${process.execPath}" "${CLI}" submit --s3 s3://kyc-documents/loan-1 --product X -w`;
  const child = spawn(...onTerminal(command), {
    env: { PATH: process.env.PATH, TERM: 'xterm', ...system.environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text;
  });
  await waitUntil('progress', () => shown.includes('processing'));
  child.stdin.write('\x03');
  expect(await once(child, 'close')).toEqual([130, null]);
  const farewell = 'loan-1 goes on without us; atlas-batch status loan-1 --watch follows it';
  const [drawn = ''] = shown.split(farewell);
  expect(shown).toContain(farewell);
  expect(drawn.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(drawn.lastIndexOf(HIDE_CURSOR));
});
