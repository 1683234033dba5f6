/** `npm run demo` as a process, in a clone that is prepared. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const DEMO = `"${process.execPath}" --import tsx demo/demo.ts`;

export function startDemo(program: string, args: readonly string[]) {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    // Its standard input is the terminal: the demo is told that it is gone, and cleans up.
    child.kill('SIGTERM');
    await ended;
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return { child, ended, output: () => output };
}
