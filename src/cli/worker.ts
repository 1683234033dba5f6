import type { Command } from 'commander';
import { createCommand } from './command.js';
import { runUntilSignal } from './run-until-signal.js';

export function workerCommand(): Command {
  return createCommand('worker', 'run workers until SIGTERM or SIGINT', ['worker']).action(
    runWorker,
  );
}

export function startCommand(): Command {
  return createCommand('start', 'run everything in one process until SIGTERM or SIGINT', [
    'start',
  ]).action(runWorker);
}

async function runWorker(): Promise<void> {
  await runUntilSignal(async () => {
    const { createAtlasBatchWorker } = await import('../workers/worker.js');
    return createAtlasBatchWorker();
  });
}
