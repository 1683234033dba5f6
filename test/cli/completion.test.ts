import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

/** What bash offers after a line that is being typed. */
async function completedByBash(...words: string[]): Promise<string[]> {
  const { stdout: script } = await runCommand(['completion', 'bash']);
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

test('the shells complete what may stand first after a command', async () => {
  expect(await completedByBash('deadline', 'e')).toContain('extend');
  expect(await completedByBash('completion', 'z')).toContain('zsh');
  expect((await runCommand(['completion', 'zsh'])).stdout).toContain("'1:what:(extend)'");
  expect((await runCommand(['completion', 'fish'])).stdout).toContain("deadline' -a extend");
});

/** Every command that the help names, and every long option that the help of one names. */
async function namesInHelp(): Promise<string[]> {
  const { stdout } = await runCommand(['--help']);
  const commands = Array.from(stdout.matchAll(/^ {2}([a-z]+) /gm), ([, name = '']) => name);
  const helps = await Promise.all(
    commands.filter((name) => name !== 'help').map((name) => runCommand([name, '--help'])),
  );
  const options = helps.flatMap((help) =>
    Array.from(help.stdout.matchAll(/^ {2}(?:-\w, )?--([a-z0-9-]+)/gm), ([, name = '']) => name),
  );
  return [...new Set([...commands, ...options])].filter((name) => name !== 'help');
}

test('the scripts for zsh and fish name every command and every option', async () => {
  const names = await namesInHelp();
  expect(names).toEqual(expect.arrayContaining(['submit', 'completion', 'manifest', 's3-port']));
  for (const shell of ['zsh', 'fish']) {
    const { code, stdout } = await runCommand(['completion', shell]);
    expect(code).toBe(0);
    const words = new Set(stdout.match(/[a-z0-9]+(?:-[a-z0-9]+)*/g));
    expect(names.filter((name) => !words.has(name))).toEqual([]);
  }
});

test('another shell is refused, with those that are known', async () => {
  const { code, stderr } = await runCommand(['completion', 'tcsh']);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/bash, zsh, fish/)]);
});
