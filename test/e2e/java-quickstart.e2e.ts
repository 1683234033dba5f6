/** The Java of docs/http-api.md, run as it is written. It needs a JDK. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { CLI } from '../cli/run-cli.js';
import { codeBlocks } from '../helpers/code-blocks.js';

test('an app in Java adds a batch, waits for its end and reads its results', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'java-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'scans/8841'), { recursive: true });
  await writeFile(join(folder, 'scans/8841/pan.jpg'), 'scan');
  const args = ['simulator', '--all', '--json', '--server-port', '0', '--documents', 'scans'];
  const system = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(system, 'exit');
  onTestFinished(async () => {
    system.kill('SIGTERM');
    await ended;
  });
  const [printed] = await once(system.stdout.setEncoding('utf8'), 'data');
  const [block] = codeBlocks('docs/http-api.md').filter(({ language }) => language === 'java');
  const file = join(folder, 'Quickstart.java');
  await writeFile(file, block?.code ?? '');
  const { stdout } = await promisify(execFile)('java', [file], {
    env: { ...process.env, ...JSON.parse(printed) },
  });
  const [status = '', batch = '', results = ''] = stdout.split('\n');
  expect(status).toBe('201');
  expect(JSON.parse(batch)).toMatchObject({ state: 'completed' });
  expect(JSON.parse(results)).toMatchObject({ documentId: '001' });
});
