import type { Command } from 'commander';
import type { HostedWorker } from '../../server/context.js';
import type { AtlasBatchServer } from '../../server/server.js';
import { createCommand } from '../command.js';
import { explainListening } from '../explain-listening.js';
import { runUntilSignal, type Stoppable } from '../run-until-signal.js';

export function workerCommand(): Command {
  return createCommand('worker', 'run workers until SIGTERM or SIGINT', [
    'worker',
    'POLL_CONCURRENCY=100 WORKER_PORT=9464 worker',
  ]).action(() => runUntilSignal((started) => startWorker('health', started)));
}

export function startCommand(): Command {
  return createCommand(
    'start',
    'run workers and the HTTP server in one process until SIGTERM or SIGINT',
    ['start', 'PORT=8080 start'],
  ).action(() => runUntilSignal((started) => startWorker('all', started)));
}

export function serverCommand(): Command {
  return createCommand('server', 'run the HTTP server until SIGTERM or SIGINT', [
    'server',
    'PORT=8080 ADMIN_PORT=8081 server',
  ]).action(() => runUntilSignal(startServer));
}

async function startServer(started: (part: Stoppable) => void): Promise<Stoppable> {
  const { createAtlasBatchServer } = await import('../../server/server.js');
  const server = await createAtlasBatchServer();
  started(await listenOrStop(server));
  try {
    await server.whenRedisServes();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Starts a worker, and with it the whole HTTP server or, with `WORKER_PORT`, only its health routes. */
async function startWorker(
  routes: 'all' | 'health',
  started: (part: Stoppable) => void,
): Promise<Stoppable> {
  const [workers, environment, traces] = await Promise.all([
    import('../../workers/worker.js'),
    import('../../config/environment.js'),
    import('../../telemetry.js'),
  ]);
  const config = environment.loadWholeConfig();
  const status = new workers.WorkerStatus();
  // Before the worker: its start may wait for Redis, and health says so.
  const server = await createServer(routes, status);
  if (server) started(await listenOrStop(server));
  try {
    const telemetry = await traces.createTelemetry(environment.wantsTraces());
    const worker = await workers.runWorker(config, { telemetry, status });
    return {
      async stop() {
        // The server stops last, so that health and metrics are there until the last job ends.
        await worker.stop();
        await server?.stop();
      },
      hasLost: () => status.hasLostUploads,
    };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

/** Undefined for a worker without a port, which is spared the time that loading a server takes. */
async function createServer(
  routes: 'all' | 'health',
  worker: HostedWorker,
): Promise<AtlasBatchServer | undefined> {
  const { loadServerConfig } = await import('../../config/environment.js');
  if (routes === 'health' && loadServerConfig().WORKER_PORT === null) return undefined;
  const { createAtlasBatchServer, createWorkerHealth } = await import('../../server/server.js');
  return routes === 'all' ? createAtlasBatchServer({ worker }) : createWorkerHealth({ worker });
}

/** Stops the server when it cannot listen. @throws UsageError that says which variable to set. */
async function listenOrStop(server: AtlasBatchServer): Promise<Stoppable> {
  try {
    await server.listen();
    return server;
  } catch (error) {
    await server.stop();
    throw explainListening(error, { ports: 'PORT, ADMIN_PORT or WORKER_PORT', host: 'HOST' });
  }
}
