/** A worker inside a process of one's own, from typed options. */
import type { Telemetry } from 'bullmq';
import { configOf, type WorkerSettings } from '../config/worker-options.js';
import type { Logger } from '../logging.js';
import { type AtlasBatchWorker, runWorker } from './worker.js';

/** The settings of a worker, and where its log and spans go. */
export interface AtlasBatchWorkerOptions extends WorkerSettings {
  /** Default: JSON lines on standard output, by pino. */
  logger?: Logger | undefined;
  /** Where spans go, such as `new BullMQOtel({ tracerName: 'my-app' })` of bullmq-otel. */
  telemetry?: Telemetry | undefined;
}

/**
 * Starts a worker; resolves when it is connected and takes jobs. It waits for a Redis that is away.
 * A start that fails leaves nothing open.
 * @throws UsageError naming every option that is wrong; RedisUnavailableError when Redis refuses us.
 */
export async function createAtlasBatchWorker(
  options: AtlasBatchWorkerOptions,
): Promise<AtlasBatchWorker> {
  return runWorker(configOf(options), options);
}
