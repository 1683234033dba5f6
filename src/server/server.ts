/**
 * The HTTP server as a process: where it listens, and how it stops. Its routes are in `app.ts`.
 * It starts without Redis, and is not ready until Redis answers.
 */
import type { FastifyInstance } from 'fastify';
import { type ClientQueues, openQueues } from '../batches/client-queues.js';
import { followSecrets, loadServerConfig } from '../config/environment.js';
import { redisTarget } from '../config/redis-fields.js';
import type { ServerConfig } from '../config/server-config.js';
import { createGatheredLines } from '../logging/gathered-lines.js';
import { createRepeatedWarnings } from '../logging/repeated-lines.js';
import { createLogger, type Logger } from '../logging.js';
import { openLink } from '../redis/client-link.js';
import { connectionOptions } from '../redis/connection/connect.js';
import { complaintOf } from '../redis/reply-error.js';
import { createApp, type Part } from './app.js';
import type { HostedWorker, ServerContext } from './context.js';
import { watchEventLoop } from './health/event-loop.js';
import { createServerMetrics } from './health/server-metrics.js';
import { STOP_TIMEOUT_MS } from './limits.js';
import { whenRedisServes } from './when-redis-serves.js';

export interface AtlasBatchServerOptions {
  /** The variables of docs/configuration.md; default: the process's environment. */
  environment?: NodeJS.ProcessEnv;
  /** Default: pino on standard output at `LOG_LEVEL`. */
  logger?: Logger;
  /** The worker in the same process: its metrics are served beside the server's own. */
  worker?: HostedWorker;
}

export interface AtlasBatchServer {
  /** The routes on `PORT`. With `ADMIN_PORT` these are only the ones that Atlas and apps must reach. */
  readonly app: FastifyInstance;
  /** The routes on `ADMIN_PORT`. Without `ADMIN_PORT` it is the same object as `app`. */
  readonly adminApp: FastifyInstance;
  /** Listens. Resolves with the addresses, which are the same without `ADMIN_PORT`. */
  listen(): Promise<{ url: string; adminUrl: string }>;
  /**
   * For a server without a worker in its process: resolves when its Redis serves, however long it is away.
   * @throws RedisUnavailableError when Redis is there and refuses us.
   */
  whenRedisServes(): Promise<void>;
  /** Lets open requests end for some seconds, then closes everything. May be called twice. */
  stop(): Promise<void>;
}

/** @throws UsageError when the configuration is wrong. */
export async function createAtlasBatchServer(
  options: AtlasBatchServerOptions = {},
): Promise<AtlasBatchServer> {
  const config = loadServerConfig(options.environment);
  const { PORT, ADMIN_PORT } = config;
  const outside: Part[] = ['callbacks', 'api'];
  const operators: Part[] = ['health', 'dashboard'];
  if (ADMIN_PORT === null) {
    return assemble(config, options, { parts: [...outside, ...operators], port: PORT });
  }
  const admin = { parts: operators, port: ADMIN_PORT };
  return assemble(config, options, { parts: outside, port: PORT }, admin);
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
  if (WORKER_PORT === null) return undefined;
  return assemble(config, options, { parts: ['health'], port: WORKER_PORT });
}

interface Listener {
  parts: readonly Part[];
  port: number;
}

async function assemble(
  config: ServerConfig,
  options: AtlasBatchServerOptions,
  listener: Listener,
  adminListener: Listener = listener,
): Promise<AtlasBatchServer> {
  const logger = options.logger ?? createLogger(config.LOG_LEVEL);
  const connection = connectionOptions(redisTarget(config), config.QUEUE_PREFIX);
  const link = openLink(connection);
  const warn = createRepeatedWarnings(logger);
  link.redis.on('error', (error) => warn(undefined, complaintOf(link.redis, error)));
  const secrets = followSecrets(config, logger);
  const queues: ClientQueues = {
    ...openQueues(link, config.QUEUE_PREFIX),
    deadlineMs: config.BATCH_DEADLINE_MS,
  };
  const context: ServerContext = {
    config,
    queues,
    logger,
    lines: createGatheredLines(logger),
    metrics: createServerMetrics(queues, config),
    eventLoop: watchEventLoop(),
    worker: options.worker,
  };
  const closeParts = async () => {
    context.eventLoop.stop();
    secrets.stop();
    context.lines.flush();
    await queues.close();
    link.close();
  };
  const apps = async () => {
    const first = await createApp(context, listener.parts);
    if (adminListener === listener) return [first, first] as const;
    return [first, await createApp(context, adminListener.parts)] as const;
  };
  // What was opened keeps a process alive that is to end.
  const [app, adminApp] = await apps().catch(async (error) => {
    await closeParts();
    throw error;
  });

  const host = config.HOST;
  let stopped: Promise<void> | undefined;
  return {
    app,
    adminApp,
    async listen() {
      const url = await app.listen({ host, port: listener.port });
      const adminUrl =
        adminApp === app ? url : await adminApp.listen({ host, port: adminListener.port });
      logger.info({ url, adminUrl }, 'server started');
      return { url, adminUrl };
    },
    async whenRedisServes() {
      const { resendForMs } = link.redis;
      // At the start a server that refuses us is no failover.
      link.redis.resendForMs = connection.resendForMs ?? 0;
      await whenRedisServes(queues, logger);
      link.redis.resendForMs = resendForMs;
    },
    stop() {
      stopped ??= (async () => {
        await Promise.all([...new Set([app, adminApp])].map(closeSoon));
        await closeParts();
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
