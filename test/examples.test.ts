import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Worker } from 'bullmq';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { BatchRequest } from '../src/jobs/request/request.js';
import { codeBlocks } from './helpers/code-blocks.js';
import { testRedis } from './helpers/redis.js';
import { type System, startSystem } from './helpers/system.js';
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

/** A completion event whose consumers died twice, as BullMQ would find it. */
async function leaveTwiceDead({ completions, redis }: System): Promise<void> {
  const summary = { reference: 'dead', documents: { present: 1, total: 1 }, results: [] };
  await completions.add('batch.completed', summary as never, { jobId: 'done-dead' });
  const consumer = new Worker(completions.name, null, completions.opts);
  onTestFinished(() => consumer.close());
  await consumer.getNextJob('died');
  await redis.hset(completions.toKey('done-dead'), 'stc', 2);
  await redis.del(completions.toKey('done-dead:lock'), completions.toKey('stalled-check'));
  await redis.sadd(completions.toKey('stalled'), 'done-dead');
}

test('plain-bullmq.mjs takes an event whose consumers died twice', async () => {
  const system = await startSystem();
  await leaveTwiceDead(system);
  expect(await run('plain-bullmq.mjs', system.environment)).toBe(
    'batch.completed: dead, 1 of 1 documents\n',
  );
});

test('the consumer of docs/other-languages.md takes an event whose consumers died twice', async () => {
  const system = await startSystem();
  await leaveTwiceDead(system);
  const { output } = runBlock(system, await system.request('loan-1', 1));
  await waitUntil('the event', () => output().includes("reference: 'dead'"));
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
    // Node 24 would report in another form.
    ['--test', '--test-reporter=tap', 'examples/with-simulator.test.mjs'],
    { env: { PATH: process.env.PATH, REDIS_URL: url } },
  );
  expect(stdout).toMatch(/^# pass 2$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});

test('the block of the README sends a batch and prints its extracts', async () => {
  const system = await startSystem();
  await system.startWorker();
  system.s3.put('kyc-documents', '8841/pan.jpg', 'bytes of a scan');
  const code = blockOf('README.md', 'atlas.enqueue').replace(
    "{ redisUrl: 'redis://127.0.0.1:6379' }",
    `{ redisUrl: process.env.REDIS_URL, prefix: process.env.QUEUE_PREFIX,
      s3: { forcePathStyle: true } }`,
  );
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', code],
    { env: { PATH: process.env.PATH, ...system.environment } },
  );
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^completed { total: 1, sent: 1, present: 1, missing: \[\] }\n001 \[/);
});

test('the block of docs/other-languages.md adds a job and takes its event', async () => {
  const system = await startSystem();
  await system.startWorker();
  const { output } = runBlock(system, await system.request('loan-1', 1));
  await waitUntil('the event', () => output().includes('batch.completed'));
  expect(output()).toContain("reference: 'loan-1'");
});

/** Runs the program of docs/other-languages.md for Node, until the end of the test. */
function runBlock(system: System, batch: BatchRequest): { output: () => string } {
  const block = blockOf('docs/other-languages.md', 'new Worker')
    .replace("'redis://127.0.0.1:6379'", 'process.env.REDIS_URL')
    .replaceAll("'{atlas}'", 'process.env.QUEUE_PREFIX');
  const code = `const batch = ${JSON.stringify(batch)};\n${block}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env: { PATH: process.env.PATH, ...system.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return { output: () => output };
}

/** The JavaScript of a page that holds this text. */
function blockOf(page: string, text: string): string {
  const block = codeBlocks(page).find(
    ({ language, code }) => language === 'js' && code.includes(text),
  );
  if (!block) throw new Error(`${page} has no block with ${text}`);
  return block.code;
}
