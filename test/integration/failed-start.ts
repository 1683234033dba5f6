import { expect, onTestFinished } from 'vitest';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker } from '../helpers/worker-process.js';

/** A start that fails ends at once, which is seconds on a busy machine. */
const EXIT_TIMEOUT_MS = 20_000;

/** What a process says that cannot start; lines of the log are no sentences. */
export async function failedStart(environment: Record<string, string>) {
  const child = spawnWorker(environment);
  onTestFinished(() => child.kill());
  await waitUntil('the exit of the process', () => child.hasExited, EXIT_TIMEOUT_MS);
  const output = child.output();
  expect(output).not.toContain('worker started');
  return { code: await child.exited, sentences: sentencesOf(output), output };
}

export function sentencesOf(output: string): string[] {
  const lines = output.split('\n');
  return lines.filter((line) => !/^(\{.*|)$/.test(line));
}
