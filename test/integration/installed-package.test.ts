import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { testRedis } from '../helpers/redis.js';

/** Some 160 packages are installed, from npm's cache or the registry. */
const TIMEOUT_MS = 180_000;
const SCRIPT = 'test/consumer/from-install-to-results.sh';

/** What the package would be published as, from `dist` as it is. */
async function packInto(folder: string): Promise<string> {
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', pack);
  return join(folder, stdout.trim());
}

/** Runs the script to its end; it and all that it started are ended with the test. */
async function runScript(tarball: string): Promise<{ code: unknown; output: string }> {
  const { url, prefix } = testRedis();
  const child = spawn(SCRIPT, [tarball], {
    env: { ...process.env, REDIS_URL: url, QUEUE_PREFIX: prefix },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  onTestFinished(() => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

it(
  'the installed package goes from install to results in one script, from TypeScript, ESM and CommonJS',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'atlas-batch-package-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { code, output } = await runScript(await packInto(folder));
    expect(code, output).toBe(0);
    const printed = output.split('\n').filter((line) => line.startsWith('{'));
    const types = [expect.any(String), expect.any(String)];
    expect(printed.map((line) => JSON.parse(line))).toEqual([
      { reference: 'sent-from-esm', added: 'added', ended: 'completed', types },
      { reference: 'sent-from-cjs', added: 'added', ended: 'completed', types },
    ]);
    expect(output).toMatch(/^sent-from-cjs +completed/m);
  },
  TIMEOUT_MS,
);
