/** A worker inside a process of one's own, from typed options. */
import type { Telemetry } from 'bullmq';
import { checkOptions, checkType } from '../check-options.js';
import { configOf, SETTING_NAMES, type WorkerSettings } from '../config/worker-options.js';
import { UsageError } from '../errors.js';
import type { Logger } from '../logging.js';
import { type AtlasBatchWorker, runWorker } from './worker.js';

/** The settings of a worker, and where its log and spans go. */
export interface AtlasBatchWorkerOptions extends WorkerSettings {
  /** Default: JSON lines on standard output, by pino. */
  logger?: Logger | undefined;
  /** Where spans go, such as `new BullMQOtel({ tracerName: 'my-app' })` of bullmq-otel. */
  telemetry?: Telemetry | undefined;
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * Starts a worker; resolves when it is connected and takes jobs. It waits for a Redis that is away.
 * A start that fails leaves nothing open.
 * @throws UsageError naming every option that is wrong or does not exist; RedisUnavailableError when Redis refuses us.
 */
export async function createAtlasBatchWorker(
  options: AtlasBatchWorkerOptions,
): Promise<AtlasBatchWorker> {
  checkOptions('createAtlasBatchWorker', options, [...SETTING_NAMES, 'logger', 'telemetry']);
  const { logger, telemetry } = options;
  if (logger !== undefined && !LEVELS.every((level) => typeof logger?.[level] === 'function')) {
    throw new UsageError(`logger must have the functions ${LEVELS.join(', ')}`);
  }
  checkType('telemetry', telemetry, 'object');
  return runWorker(configOf(options), { logger, telemetry });
}
