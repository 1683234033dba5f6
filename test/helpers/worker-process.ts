import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { waitUntil } from './wait-until.js';

const SHIPPED_CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
/** See there: makes the process die or freeze at a given point. */
export const FAULT_PRELOAD = fileURLToPath(new URL('./die-at-write.mjs', import.meta.url));
/** See there: records what HTTP instrumentation makes of our requests. */
export const RECORD_SPANS = fileURLToPath(new URL('./record-spans.mjs', import.meta.url));

export interface WorkerProcess {
  readonly pid: number;
  /** Everything it wrote on standard output and standard error. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it takes jobs; rejects when it ended before. */
  started(): Promise<void>;
  /** Resolves to the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly hasExited: boolean;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/** `node dist/cli.js worker`, or another command that runs workers, as a process of its own. */
export function spawnWorker(
  environment: Record<string, string>,
  nodeOptions: string[] = [],
  command: 'worker' | 'start' = 'worker',
): WorkerProcess {
  // Instrumentation hooks modules by their names as they are loaded.
  const bundled = nodeOptions.includes(RECORD_SPANS) ? null : inject('bundledCli');
  const child = spawn(process.execPath, [...nodeOptions, bundled ?? SHIPPED_CLI, command], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (stream: ChildProcess['stdout']) =>
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  collect(child.stdout);
  collect(child.stderr);
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    output: () => output,
    signal: (name) => void child.kill(name),
    exited,
    get hasExited() {
      return hasExited();
    },
    async started() {
      await waitUntil('a started worker', () => {
        if (hasExited()) throw new Error(`the worker ended: ${output}`);
        return output.includes('worker started');
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
