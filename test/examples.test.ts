import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { startSystem } from './helpers/system.js';

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
