/** What every route may use. The server makes one of it. */
import type { Registry } from 'prom-client';
import type { ClientQueues } from '../batches/client-queues.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Logger } from '../logging.js';
import type { EventLoopWatch } from './health/event-loop.js';
import type { ServerMetrics } from './health/server-metrics.js';

export interface ServerContext {
  config: ServerConfig;
  queues: ClientQueues;
  logger: Logger;
  metrics: ServerMetrics;
  eventLoop: EventLoopWatch;
  /** Metrics of the workers in this process. Undefined when it runs none. */
  workerRegistry: Registry | undefined;
}
