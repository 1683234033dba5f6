/**
 * The HTTP server as a process: where it listens, how it stops. What it answers stands in
 * `app.ts`. It needs no Redis to start: without one it says that it is not ready.
 */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { openQueues } from '../batches/client-queues.js';
import { loadServerConfig } from '../config/environment.js';
import type { ServerConfig } from '../config/server-config.js';
import { createLogger, type Logger } from '../logging.js';
import { openLink } from '../redis/client-link.js';
import { createApp, type Part } from './app.js';
import type { ServerContext } from './context.js';
import { watchEventLoop } from './health/event-loop.js';
import { createServerMetrics } from './health/server-metrics.js';
import { STOP_TIMEOUT_MS } from './limits.js';

export interface AtlasBatchServerOptions {
  /** The variables of the README's table; default: the process's environment. */
  environment?: NodeJS.ProcessEnv;
  /** Default: pino on standard output at `LOG_LEVEL`. */
  logger?: Logger;
  /** Metrics of workers in the same process, served beside its own. */
  workerRegistry?: Registry;
}

export interface AtlasBatchServer {
  /** What it answers on `PORT`; with `ADMIN_PORT` only what Atlas must reach. */
  readonly app: FastifyInstance;
  /** What it answers on `ADMIN_PORT`; the same as `app` without one. */
  readonly adminApp: FastifyInstance;
  /** Listens; resolves with the addresses, which are the same without `ADMIN_PORT`. */
  listen(): Promise<{ url: string; adminUrl: string }>;
  /** Finishes what is under way, for some seconds, and closes everything. May be called twice. */
  stop(): Promise<void>;
}

/** @throws UsageError when the configuration is wrong. */
export async function createAtlasBatchServer(
  options: AtlasBatchServerOptions = {},
): Promise<AtlasBatchServer> {
  const config = loadServerConfig(options.environment);
  const { PORT, ADMIN_PORT } = config;
  const operators: Part[] = ['health', 'dashboard'];
  return ADMIN_PORT === null
    ? assemble(config, options, { parts: ['callbacks', ...operators], port: PORT })
    : assemble(
        config,
        options,
        { parts: ['callbacks'], port: PORT },
        { parts: operators, port: ADMIN_PORT },
      );
}

/**
 * Health and metrics of a process that runs workers only, on `WORKER_PORT`; undefined without it.
 * @throws UsageError when the configuration is wrong.
 */
export async function createWorkerHealth(
  options: AtlasBatchServerOptions,
): Promise<AtlasBatchServer | undefined> {
  const config = loadServerConfig(options.environment);
  const { WORKER_PORT } = config;
  return WORKER_PORT === null
    ? undefined
    : assemble(config, options, { parts: ['health'], port: WORKER_PORT });
}

interface Door {
  parts: readonly Part[];
  port: number;
}

async function assemble(
  config: ServerConfig,
  options: AtlasBatchServerOptions,
  door: Door,
  adminDoor: Door = door,
): Promise<AtlasBatchServer> {
  const logger = options.logger ?? createLogger(config.LOG_LEVEL);
  const link = openLink(config.REDIS_URL);
  const queues = openQueues(link, config.QUEUE_PREFIX);
  const context: ServerContext = {
    config,
    queues,
    logger,
    metrics: createServerMetrics(queues, config.BATCH_DEADLINE_MS),
    eventLoop: watchEventLoop(),
    workerRegistry: options.workerRegistry,
  };
  const app = await createApp(context, door.parts);
  const adminApp = adminDoor === door ? app : await createApp(context, adminDoor.parts);

  const host = config.HOST;
  let stopped: Promise<void> | undefined;
  return {
    app,
    adminApp,
    async listen() {
      const url = await app.listen({ host, port: door.port });
      const adminUrl =
        adminApp === app ? url : await adminApp.listen({ host, port: adminDoor.port });
      logger.info({ url, adminUrl }, 'server started');
      return { url, adminUrl };
    },
    stop() {
      stopped ??= (async () => {
        await Promise.all([...new Set([app, adminApp])].map(closeSoon));
        context.eventLoop.stop();
        await queues.close();
        link.close();
        logger.info({}, 'server stopped');
      })();
      return stopped;
    },
  };
}

async function closeSoon(app: FastifyInstance): Promise<void> {
  const timeout = setTimeout(() => app.server.closeAllConnections(), STOP_TIMEOUT_MS);
  await app.close();
  clearTimeout(timeout);
}
