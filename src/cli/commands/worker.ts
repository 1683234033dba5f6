import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { UsageError } from '../../errors.js';
import { createCommand } from '../command.js';
import { runUntilSignal, type Stoppable } from '../run-until-signal.js';

export function workerCommand(): Command {
  return createCommand('worker', 'run workers until SIGTERM or SIGINT', ['worker']).action(() =>
    runUntilSignal(() => startWorker('worker')),
  );
}

export function startCommand(): Command {
  return createCommand(
    'start',
    'run workers and the HTTP server in one process until SIGTERM or SIGINT',
    ['start'],
  ).action(async () => {
    await runUntilSignal(() => startWorker('server'));
  });
}

export function serverCommand(): Command {
  return createCommand('server', 'run the HTTP server until SIGTERM or SIGINT', ['server']).action(
    async () => {
      await runUntilSignal(async () => {
        const { createAtlasBatchServer } = await import('../../server/server.js');
        return listenOrStop(await createAtlasBatchServer());
      });
    },
  );
}

/** A worker, and beside it the whole HTTP server or, if it is wanted, its liveness signs only. */
async function startWorker(beside: 'server' | 'worker'): Promise<Stoppable> {
  // In a burst much outlives two collections of the young generation, and V8 takes it for long-lived:
  // from then on it allocates the like of it as old, whatever hangs on it stays too, and collecting
  // costs 4 % of a worker's CPU more.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const [{ runWorker }, { createAtlasBatchServer, createWorkerHealth }, environment, traces] =
    await Promise.all([
      import('../../workers/worker.js'),
      import('../../server/server.js'),
      import('../../config/environment.js'),
      import('../../telemetry.js'),
    ]);
  const worker = await runWorker(environment.loadConfig(), {
    telemetry: await traces.createTelemetry(environment.wantsTraces()),
  });
  try {
    const create = beside === 'server' ? createAtlasBatchServer : createWorkerHealth;
    const server = await create({ workerRegistry: worker.metrics.registry });
    if (!server) return worker;
    await listenOrStop(server);
    return {
      async stop() {
        // Health and metrics are answered until the last job is given back.
        await worker.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

interface Listening extends Stoppable {
  listen(): Promise<unknown>;
}

/** @throws Error when the port is taken; nothing of the server is left running. */
async function listenOrStop(server: Listening): Promise<Stoppable> {
  try {
    await server.listen();
    return server;
  } catch (error) {
    await server.stop();
    throw explainPort(error);
  }
}

function explainPort(error: unknown): unknown {
  const { code, port } = Object(error);
  if (code !== 'EADDRINUSE') return error;
  return new UsageError(`port ${port} is taken; set PORT or ADMIN_PORT to a free one`);
}
