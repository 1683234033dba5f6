/** What every route may use. The server makes one of it. */
import type { Registry } from 'prom-client';
import type { ClientQueues } from '../batches/client-queues.js';
import type { ServerConfig } from '../config/server-config.js';
import type { GatheredLines } from '../logging/gathered-lines.js';
import type { Logger } from '../logging.js';
import type { EventLoopWatch } from './health/event-loop.js';
import type { ServerMetrics } from './health/server-metrics.js';

/** The worker in the same process, as it tells of itself. */
export interface HostedWorker {
  registry: Registry;
  /** Why it takes no jobs now. */
  whyNotReady(): string[];
  /** Why it should be restarted. */
  whyNotLive(): Promise<string[]>;
}

export interface ServerContext {
  config: ServerConfig;
  queues: ClientQueues;
  logger: Logger;
  /** For what single requests say by the hundred. */
  lines: GatheredLines;
  metrics: ServerMetrics;
  eventLoop: EventLoopWatch;
  worker: HostedWorker | undefined;
}
