import type { Command } from 'commander';
import { createCommand, type Finish } from './command.js';
import { runUntilSignal } from './run-until-signal.js';

export function workerCommand(finish: Finish): Command {
  return createCommand('worker', 'run workers until SIGTERM or SIGINT', ['worker']).action(
    async () => {
      await runWorker();
      finish(0);
    },
  );
}

export function startCommand(finish: Finish): Command {
  return createCommand('start', 'run everything in one process until SIGTERM or SIGINT', [
    'start',
  ]).action(async () => {
    await runWorker();
    finish(0);
  });
}

async function runWorker(): Promise<void> {
  await runUntilSignal(async () => {
    const { createAtlasBatchWorker } = await import('../workers/worker.js');
    return createAtlasBatchWorker();
  });
}
