import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { runCli } from './run-cli.js';

vi.setConfig({ testTimeout: 60_000 });

/** What bash offers after a line that is being typed. */
async function completedByBash(...words: string[]): Promise<string[]> {
  const { stdout: script } = await runCli(['completion', 'bash']);
  const typed = words.map((word) => `'${word}'`).join(' ');
  const line = `COMP_WORDS=(atlas-batch ${typed}); COMP_CWORD=${words.length}; _atlas_batch; printf '%s\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', `${script}\n${line}`]);
  return stdout.trim().split('\n');
}

test('bash completes commands, and the options of each', async () => {
  expect(await completedByBash('s')).toEqual(['start', 'server', 'simulator', 'submit', 'status']);
  expect(await completedByBash('submit', '--d')).toEqual(['--dry-run']);
  expect(await completedByBash('results', '-')).toEqual(['-o', '--output', '-h', '--help']);
  expect(await completedByBash('submit', '-m', 'package.js')).toEqual(['package.json']);
});

test.each(['zsh', 'fish'])(
  'the script for %s names every command and every option',
  async (shell) => {
    const { code, stdout } = await runCli(['completion', shell]);
    expect(code).toBe(0);
    for (const name of [
      'submit',
      'status',
      'results',
      'completion',
      'manifest',
      's3-port',
      'reason',
    ]) {
      expect(stdout).toContain(name);
    }
  },
);

test('another shell is refused, with those that are known', async () => {
  const { code, stderr } = await runCli(['completion', 'tcsh']);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/bash, zsh, fish/)]);
});
