import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { clientOf } from '../client/test-client.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { CLI, runCli, spawnCli } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

test('submit --wait, status and results show a batch from scan to extract', async () => {
  const system = await startSystem();
  await system.startWorker();
  const manifest = JSON.stringify(await system.request('loan-1', 5));
  const run = (args: string[], input?: string) => runCommand(args, system.environment, input);

  const submitted = await runCli(
    ['submit', '--manifest', '-', '--wait'],
    system.environment,
    manifest,
  );
  expect([submitted.code, submitted.stderr]).toEqual([0, '']);
  expect(submitted.stdout).toMatch(/^loan-1: added\n/);
  expect(submitted.stdout).toMatch(/^loan-1: completed, 5 of 5 documents/m);
  expect(submitted.stdout).toMatch(/^ {2}results {4}s3:\/\/results\/loan-1\/BATCH-.*\.json$/m);

  const { data: summary } = await system.event('done-loan-1');
  const status = await run(['status', 'loan-1', '--json']);
  expect(status.code).toBe(0);
  expect(JSON.parse(status.stdout).summary).toEqual(summary);
  expect((await run(['status', 'loan-1'])).stdout).toMatch(/documents {2}5 of 5 present/);

  const results = await run(['results', 'loan-1']);
  expect([results.code, results.stderr]).toEqual([0, '']);
  const truth = system.atlas.truth(summary.batchIds[0] ?? '');
  const lines = truth.map(({ documentId, extracts }) => {
    const raw = extracts.map((text) => text.replaceAll('\n', ' ')).join(',');
    return `{"documentId":"${documentId}","extracts":[${raw}]}\n`;
  });
  expect(results.stdout).toBe(lines.join(''));
  const folder = await mkdtemp(join(tmpdir(), 'results-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'loan-1.jsonl');
  expect(await run(['results', 'loan-1', '-o', file])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await readFile(file, 'utf8')).toBe(lines.join(''));
  expect(await readdir(folder)).toEqual(['loan-1.jsonl']);
  const nowhere = join(folder, 'none', 'loan-1.jsonl');
  expect(await run(['results', 'loan-1', '-o', nowhere])).toEqual({
    code: 2,
    stdout: '',
    stderr: `cannot write ${nowhere} (ENOENT)\n`,
  });
  expect(await run(['results', 'loan-1', '-o', '-'])).toEqual(results);
  expect(await run(['results', 'loan-2', '-o', file])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'no batch loan-2 is known here\n',
  });
  const again = await run(['submit', '-qm', '-'], manifest);
  expect(again).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await run(['status', '-q', 'loan-1'])).toEqual({ code: 0, stdout: '', stderr: '' });
  // The numbers that a parser of doubles would change.
  expect(results.stdout).toMatch(/"reference":\d{20}\b/);
  expect(results.stdout).toMatch(/\b1\.10\b/);
});

test('submit reports the same manifest as known, and another one under its reference as a conflict', async () => {
  const system = await startSystem();
  const { environment } = system;
  const request = await system.request('twice', 2);
  const submit = (data: object) =>
    runCommand(['submit', '--manifest', '-', '--json'], environment, JSON.stringify(data));
  const runs = [await submit(request), await submit(request)];
  expect(runs.map(({ code, stdout }) => [code, JSON.parse(stdout).status])).toEqual([
    [0, 'added'],
    [0, 'duplicate'],
  ]);
  const conflict = await submit({ ...request, productType: 'OTHER' });
  expect(conflict.code).toBe(1);
  expect(conflict.stderr).toBe('another batch has the reference twice; nothing was added\n');
});

test('a failed batch ends submit --wait, status and results with 1, and gives what there is', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === '002' },
  });
  await system.startWorker({ BATCH_DEADLINE_MS: '3000' });
  const manifest = JSON.stringify(await system.request('holes', 3));
  const submitted = await runCommand(
    ['submit', '--manifest', '-', '--wait', '--json'],
    system.environment,
    manifest,
  );
  expect(submitted.code).toBe(1);
  expect(JSON.parse(submitted.stdout)).toEqual((await system.event('done-holes')).data);
  const status = await runCommand(['status', 'holes'], system.environment);
  expect([status.code, status.stdout]).toEqual([1, expect.stringContaining('INCOMPLETE: ')]);
  const results = await runCommand(['results', 'holes'], system.environment);
  expect(results.code).toBe(1);
  expect(results.stdout.trim().split('\n')).toHaveLength(2);
  expect(results.stderr).toMatch(/^1 document missing\nINCOMPLETE: /);
});

test('results ends with 0 when its reader closes the pipe early, and says that a disk is full', async () => {
  const system = await startSystem();
  await system.startWorker();
  await system.submit('long', 100);
  await system.event('done-long');
  const inShell = (script: string) => runInShell(script, system.environment);
  expect(
    await inShell(`"$0" "$1" results long | head -1 > /dev/null; echo "\${PIPESTATUS[0]}"`),
  ).toBe('0\n');
  expect(await inShell('"$0" "$1" results long > /dev/full; echo $?')).toBe(
    'cannot write the output (ENOSPC); free some space, and run it again\n1\n',
  );
});

test('Ctrl-C leaves the file of results as it was, and nothing beside it', async () => {
  const system = await startSystem();
  await system.startWorker();
  await system.submit('long', 3);
  await system.event('done-long');
  const folder = await mkdtemp(join(tmpdir(), 'results-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'long.jsonl');
  await writeFile(file, 'before');
  system.s3.setFaults({ rules: [{ fault: 'hang', endpoint: 'get' }] });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const child = spawnCli(['results', 'long', '-o', file], system.environment);
    await waitUntil('results are being written', async () => (await readdir(folder)).length === 2);
    child.kill(signal);
    expect((await once(child, 'close'))[0]).toBe(code);
    expect(await readdir(folder)).toEqual(['long.jsonl']);
    expect(await readFile(file, 'utf8')).toBe('before');
  }
});

/** What a script of bash writes, in which `$0` is Node and `$1` the command line. */
async function runInShell(script: string, environment: Record<string, string>): Promise<string> {
  const shell = spawn('bash', ['-c', script, process.execPath, CLI], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  await once(shell, 'close');
  return output;
}

test('status shows several batches, how long each took, and with --watch how they end', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker();
  await system.submit('one', 2, 'a');
  await system.submit('two', 1, 'b');
  await waitUntil('both uploads', () => system.atlas.uploads().length === 2);
  const watching = spawnCli(['status', 'one', 'two', '--watch'], system.environment);
  let output = '';
  watching.stdout?.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await waitUntil('both batches', () => /^one: .*0 of 2[\s\S]*^two: /m.test(output));
  system.atlas.completeNow();
  expect(await once(watching, 'close')).toEqual([0, null]);
  expect(output).toMatch(/^two: completed, 1 of 1 documents/m);
  expect(output).toMatch(/^one {2}completed {2}LOAN_APP$/m);
  expect(output.match(/^ {2}ended {6}\S+, [\d.]+ s after it was submitted$/gm)).toHaveLength(2);
  const both = await runCommand(['status', 'one', 'never', 'two', '--json'], system.environment);
  expect(both.code).toBe(1);
  expect(
    both.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).reference),
  ).toEqual(['one', 'never', 'two']);
});

test('Ctrl-C on status --watch ends it, and the batch goes on', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker();
  await system.submit('one', 1);
  const watching = spawnCli(['status', 'one', '--watch'], system.environment);
  await once(watching.stdout ?? watching, 'data');
  watching.kill('SIGINT');
  expect(await once(watching, 'close')).toEqual([130, null]);
  await waitUntil('the upload', () => system.atlas.uploads().length === 1);
  system.atlas.completeNow();
  expect((await system.event('done-one')).name).toBe('batch.completed');
});

test('Ctrl-C ends status and results with 130 and without a word while Redis does not answer', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const environment = { REDIS_URL: `redis://127.0.0.1:${Object(silent.address()).port}` };
  for (const command of ['status', 'results']) {
    const child = spawnCli([command, 'one'], environment);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    await once(silent, 'connection');
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(stderr).toBe('');
  }
});

test('cancel ends a batch with the reason given', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker({ POLL_MIN_MS: '600000', POLL_MAX_MS: '600000' });
  await system.submit('mistake', 2);
  await waitUntil('a sent upload', () => system.atlas.uploads().length > 0);
  const cancelled = await runCommand(
    ['cancel', 'mistake', '--reason', 'a typo'],
    system.environment,
  );
  expect([cancelled.code, cancelled.stdout]).toEqual([0, 'mistake: cancelling\n']);
  const { data } = await system.event('done-mistake');
  expect(data.reason).toEqual({ code: 'CANCELLED', message: 'a typo' });
  const late = await runCommand(['cancel', 'mistake'], system.environment);
  expect([late.code, late.stderr]).toEqual([1, 'mistake has ended already\n']);
});

test('what somebody cancelled is told as cancelled, as in lists, and still exits with 1', async () => {
  const system = await startSystem({ atlas: { completionMs: 600_000 } });
  await system.startWorker({ POLL_MIN_MS: '600000', POLL_MAX_MS: '600000' });
  const requests = [await system.request('one', 1), await system.request('other', 1)];
  requests[1]?.documents.splice(0, 1, { documentId: 'x', bucket: 'kyc-documents', key: 'nowhere' });
  const manifest = requests.map((request) => JSON.stringify(request)).join('\n');
  const run = (...args: string[]) => runCommand(args, system.environment, manifest);
  const waiting = run('submit', '--manifest', '-', '--wait');
  await waitUntil('a sent upload', () => system.atlas.uploads().length > 0);
  await clientOf(system).cancel('one', 'a typo');
  const ended = await waiting;
  expect([ended.code, ended.stdout.trimEnd().split('\n').slice(-3).sort()]).toEqual([
    1,
    [
      '2 batches: 0 completed, 1 failed, 1 cancelled',
      'one: cancelled, CANCELLED: a typo',
      expect.stringMatching(/^other: failed, OBJECT_NOT_FOUND: /),
    ],
  ]);
  expect(ended.stdout).toMatch(/^one: cancelled, 0 of 1 documents, .*CANCELLED: a typo$/m);
  const shown = await run('status', 'one');
  expect([shown.code, shown.stdout]).toEqual([1, expect.stringMatching(/^one {2}cancelled /)]);
  expect((await run('submit', '--manifest', '-', '--wait', '--quiet')).stderr).toContain(
    'one was cancelled before, CANCELLED: a typo\n',
  );
  // Programs are told what the event says.
  const json = await run('status', 'one', '--json');
  expect([json.code, JSON.parse(json.stdout).state]).toEqual([1, 'failed']);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends an idle worker with 0', async (signal) => {
  const system = await startSystem();
  const worker = await system.startWorkerProcess();
  worker.signal(signal);
  expect(await worker.exited).toBe(0);
  expect(worker.output()).toContain('worker stopped');
});

test('SIGTERM ends a worker that still waits for Redis', async () => {
  const system = await startSystem();
  const child = spawnCli(['worker'], { ...system.environment, REDIS_URL: 'redis://127.0.0.1:1' });
  let log = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  await waitUntil('a Redis that is away', () =>
    /Redis at 127\.0\.0\.1:1 does not answer/.test(log),
  );
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a second signal ends a worker at once, in the middle of a request', async () => {
  const system = await startSystem();
  system.atlas.setFaults({ rules: [{ fault: 'hang-after', endpoint: 'multiupload' }] });
  const worker = await system.startWorkerProcess();
  await system.submit('hanging', 1);
  await waitUntil('the upload', () => system.atlas.uploads().length > 0);
  worker.signal('SIGTERM');
  await waitUntil('its stopping', () => worker.output().includes('worker stopping'));
  worker.signal('SIGTERM');
  expect(await worker.exited).toBe(143);
});

test('the simulator prints how to reach it, for shells and as JSON', async () => {
  const child = spawnCli(['simulator', '--json', '--documents', 'examples/documents']);
  const [line] = await once(child.stdout?.setEncoding('utf8') ?? child, 'data');
  const environment = JSON.parse(String(line));
  const response = await fetch(`${environment.ATLAS_BASE_URL}/v1/docstream/authtoken`, {
    method: 'POST',
    headers: {
      'Client-Id': environment.ATLAS_CLIENT_ID,
      'Client-Secret': environment.ATLAS_CLIENT_SECRET,
    },
  });
  expect(response.status).toBe(200);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
