import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, inject, onTestFinished, test } from 'vitest';
import { previewBulk } from '../../src/batches/bulk/preview.js';
import { UsageError } from '../../src/errors.js';
import { auditKey } from '../../src/jobs/keys/redis-keys.js';
import { onTerminal } from '../helpers/on-terminal.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { waitUntil } from '../helpers/wait-until.js';
import { CLI, spawnCli } from './run-cli.js';
import { runCommand } from './run-command.js';

/** Batches of two products, and a command line that knows them. */
async function startWith(batches: readonly PlantedBatch[]) {
  const { queues, url, prefix } = openTestQueues();
  await plant(queues, batches);
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  return { queues, environment, run: (...args: string[]) => runCommand(args, environment) };
}

const failed = (count: number): PlantedBatch[] =>
  Array.from({ length: count }, (_, i) => ({
    reference: `loan-${String(i).padStart(4, '0')}`,
    state: 'failed',
    code: i % 3 === 0 ? 'INCOMPLETE' : 'ATLAS_AUTH',
    endedAt: Date.now() - 60_000 + i,
    present: 1,
  }));

test('list prints what fits, and says how many batches it has searched', async () => {
  const { run } = await startWith([
    ...failed(30),
    { reference: 'card-1', state: 'processing', productType: 'CREDIT_CARD', tenant: 'branch-1' },
  ]);
  const all = await run('list', '--state', 'failed', '--code', 'INCOMPLETE', '--since', '1h');
  const lines = all.stdout.trimEnd().split('\n');
  expect([all.code, lines.length]).toEqual([0, 11]);
  expect(lines[0]).toMatch(/^REFERENCE +STATE +PRODUCT +TENANT +DOCUMENTS +AGE +WHY$/);
  expect(lines[1]).toMatch(/^loan-0027 +failed +LOAN_APP +– +1\/2 +.* INCOMPLETE: planted$/);
  expect(all.stderr).toBe('10 batches; searched 30 of 30\n');
  const some = await run('list', '--state', 'failed', '--limit', '2', '--json', '--sort', 'oldest');
  expect(
    some.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).reference),
  ).toEqual([...['loan-0000', 'loan-0001']]);
  expect(some.stderr).toBe('2 batches, there may be more; searched 2 of 30\n');
  const found = await run('list', '--text', 'card-1/0.jpg', '--state', 'running,ended');
  expect(found.stdout).toMatch(/^card-1 +processing +CREDIT_CARD +branch-1 /m);
  const counts = await run('list', '--state', 'failed', '--count');
  expect(counts.stdout).toMatch(/^30 batches; searched 30 of 30\n/);
  expect(counts.stdout).toContain('ATLAS_AUTH 20 · INCOMPLETE 10\n');
  expect((await run('list', '--state', 'lost')).code).toBe(2);
  expect((await run('list', '--since', 'yesterday')).stderr).toMatch(/^--since is a time in ISO/);
  const nearest = await run('list', '--sort', 'deadline');
  expect(nearest.stderr).toBe(
    '1 batch; searched 1 of 1 whose deadline runs: none that waits for a worker or in line, or has ended\n',
  );
  expect(await run('list', '--tenant', 'nobody')).toEqual({
    ...{ code: 0, stdout: '', stderr: '0 batches; searched 31 of 31\n' },
  });
});

test('a product type may hold a comma, and a list with nothing beside a comma is refused', async () => {
  const { run } = await startWith([
    { reference: 'loan-1', state: 'failed', productType: 'KYC, RETAIL' },
    { reference: 'loan-2', state: 'failed', productType: 'KYC' },
    { reference: 'loan-3', state: 'failed', productType: ' RETAIL', tenant: 'branch-1' },
  ]);
  const references = async (...args: string[]) => {
    const { stdout } = await run('list', '--json', ...args);
    return stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line).reference] : []));
  };
  expect(await references('--product', 'KYC, RETAIL')).toEqual(['loan-1']);
  const both = ['--product', 'KYC', '--product', ' RETAIL'];
  expect((await references(...both)).sort()).toEqual(['loan-2', 'loan-3']);
  expect((await references('--tenant', '')).sort()).toEqual(['loan-1', 'loan-2']);
  expect(await run('cancel', '--tenant', 'branch-1,', '--yes')).toEqual({
    ...{ code: 2, stdout: '', stderr: '"branch-1," has a comma with nothing beside it\n' },
  });
});

test('counts of many tenants say how many are left out, and where they are', async () => {
  const { run } = await startWith(
    Array.from({ length: 23 }, (_, i) => ({ reference: `loan-${i}`, tenant: `branch-${i}` })),
  );
  const { stdout } = await run('list', '--count');
  expect(stdout).toMatch(/^tenant .* · … and 3 more; --json shows all$/m);
  const json = await run('list', '--count', '--json');
  expect(JSON.parse(json.stdout).tenant).toHaveLength(23);
});

test('retry of all that fit says what it will cost, asks for consent, and says what was done', async () => {
  const { run, queues } = await startWith(failed(30));
  const preview = '20 batches: 20 Atlas batches are read, at most 20 documents sent\n';
  const dry = await run('retry', '--code', 'ATLAS_AUTH', '--dry-run');
  expect(dry).toEqual({ code: 0, stdout: preview, stderr: '' });
  const asked = await run('retry', '--code', 'ATLAS_AUTH');
  expect(asked.code).toBe(2);
  expect(asked.stderr).toBe('nothing was done: nobody can be asked here; --yes asks nothing\n');
  expect(await queues.batches.getFailedCount()).toBe(30);
  const done = await run('retry', '--code', 'ATLAS_AUTH', '--yes', '--rate', '1000/s');
  expect(done.stdout).toBe(`${preview}20 of 20 batches retried\n`);
  expect([done.code, await queues.batches.getFailedCount()]).toEqual([0, 10]);
  expect((await run('retry', '--code', 'ATLAS_AUTH', '--yes')).stdout).toBe('no batch fits\n');
  const named = await run('retry', 'loan-0000', 'loan-0001', 'nobody');
  expect(named).toEqual({
    code: 1,
    stdout: 'loan-0000: retried\n',
    stderr: 'loan-0001 has not failed\nno batch nobody is known here\n',
  });
  expect((await run('retry')).stderr).toMatch(/^retry which batches\? Name them/);
  expect((await run('retry', 'a', '--state', 'failed')).code).toBe(2);
  expect((await run('retry', '--state', 'completed', '--yes')).code).toBe(2);
});

test('a batch is not erased where nobody can be asked, without a word that asks nothing', async () => {
  const { run, queues } = await startWith([{ reference: 'ended', state: 'completed' }]);
  const refused = await run('erase', 'ended', '--reason', 'ticket 4711');
  expect(refused).toEqual({
    ...{ code: 2, stdout: '' },
    stderr: 'nothing was done: nobody can be asked here; --yes asks nothing\n',
  });
  expect(await queues.batches.getCompletedCount()).toBe(1);
});

test.each(['', '  '])('a cancel of all with the text "%s" is refused', async (text) => {
  const { run, queues } = await startWith([{ reference: 'a' }]);
  const refused = await run('cancel', '--text', text, '--yes');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(/^text is empty/);
  const selection = { text, state: 'queued' } as const;
  await expect(previewBulk(queues, 'cancel', selection)).rejects.toThrow(UsageError);
  expect((await run('list', '--text', text)).stdout).toContain('a ');
});

test.each(['', ' '])('nothing is changed by the operator "%s", who is nobody', async (operator) => {
  const { run, queues } = await startWith([{ reference: 'a' }]);
  const stderr = '--operator is empty: it names who makes the changes\n';
  for (const which of [['a'], ['--state', 'queued', '--yes']]) {
    const refused = await run('cancel', ...which, '--operator', operator);
    expect(refused).toEqual({ code: 2, stdout: '', stderr });
  }
  expect(await queues.link.redis.exists(auditKey(queues.prefix))).toBe(0);
});

test('Ctrl-C ends a retry of many, which says how far it has come', async () => {
  const { environment, queues } = await startWith(failed(30));
  const child = spawnCli(['retry', '--state', 'failed', '--yes', '--rate', '10/s'], environment);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
    if (String(chunk).includes('3 of 30')) child.kill('SIGINT');
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  const left = await queues.batches.getFailedCount();
  expect([code, stderr]).toEqual([
    130,
    `stopped: ${30 - left} of 30 batches retried; the others are as they were\n`,
  ]);
  expect(left).toBeGreaterThan(0);
  expect(stdout).toContain('3 of 30 batches retried');
});

test('a cancel of all that fit takes none that was added between its question and the answer', async () => {
  const added = (reference: string): PlantedBatch => ({ reference, addedAt: Date.now() });
  const { environment, queues } = await startWith(['a', 'b'].map(added));
  const command = `"${process.execPath}" "${inject('bundledCli') ?? CLI}" cancel --product LOAN_APP`;
  const child = spawn(...onTerminal(command), {
    env: { PATH: process.env.PATH, TERM: 'xterm', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text;
  });
  await waitUntil('question', () => shown.includes('cancel 2 batches? [y/N]'));
  await plant(queues, ['c', 'd', 'e'].map(added));
  child.stdin.write('y\n');
  await once(child, 'close');
  expect(shown).toContain('2 of 2 batches cancelled');
  expect(await queues.link.redis.keys(`${environment.QUEUE_PREFIX}:cancel:?`)).toHaveLength(2);
});
