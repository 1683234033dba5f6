import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { testRedis } from './helpers/redis.js';
import { startSystem } from './helpers/system.js';
import { waitUntil } from './helpers/wait-until.js';

vi.setConfig({ testTimeout: 60_000 });

/** A system with a worker, and the sample documents in S3. */
async function startWithSamples() {
  const system = await startSystem();
  await system.startWorker();
  for (const { bucket, key } of readManifest().documents) {
    system.s3.put(bucket, key, readFileSync(`examples/documents/${key}`));
  }
  return system;
}

function readManifest(): { documents: { documentId: string; bucket: string; key: string }[] } {
  return JSON.parse(readFileSync('examples/manifest.json', 'utf8'));
}

async function run(example: string, environment: Record<string, string>): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`examples/${example}`], {
    env: { PATH: process.env.PATH, ...environment },
  });
  expect(stderr).toBe('');
  return stdout;
}

test('enqueue.mjs sends the manifest and prints what was extracted', async () => {
  const { environment } = await startWithSamples();
  const output = await run('enqueue.mjs', environment);
  expect(output).toContain('sample-1: added\nsample-1: completed, 3 documents\n');
  for (const { documentId } of readManifest().documents) {
    expect(output).toMatch(new RegExp(`^${documentId}: [A-Z_]+$`, 'm'));
  }
});

test('plain-bullmq.mjs adds a job and takes its event', async () => {
  const { environment } = await startWithSamples();
  expect(await run('plain-bullmq.mjs', environment)).toMatch(
    /^batch\.completed: sample-1, 3 of 3 documents\ns3:\/\/results\/sample-1\/BATCH-.*\.json\n$/,
  );
});

test('on-completion.mjs takes every event until it is told to stop', async () => {
  const system = await startWithSamples();
  const child = spawn(process.execPath, ['examples/on-completion.mjs'], {
    env: { PATH: process.env.PATH, ...system.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await system.submit('loan-1', 2);
  await system.add({ reference: 'bad' });
  await waitUntil('both events', () => output.split('\n').length === 3);
  expect(output.split('\n').sort()).toEqual([
    '',
    'batch.completed: loan-1, 2 of 2 documents',
    'batch.failed: bad, 0 of 0 documents',
  ]);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('with-simulator.test.mjs passes', async () => {
  const { url } = testRedis();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--test', 'examples/with-simulator.test.mjs'],
    { env: { PATH: process.env.PATH, REDIS_URL: url } },
  );
  expect(stdout).toMatch(/^# pass 2$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});
