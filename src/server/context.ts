/** What the routes stand on: made once by the server, handed to every part. */
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
  /** Metrics of the workers in this process; none when it runs no workers. */
  workerRegistry: Registry | undefined;
}
