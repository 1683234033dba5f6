/**
 * Removes completion events that nobody took: a waiting job has no time to live of its own, and a
 * queue without consumers must not fill Redis.
 */
import type { Queue } from 'bullmq';
import { errorFields } from '../../logging.js';
import type { WorkerContext } from '../context.js';

/** A tenth of their life is soon enough; an hour at most, so that a long life is swept evenly. */
const SWEEPS_PER_TTL = 10;
const MAX_INTERVAL_MS = 3_600_000;
/** Removed a sweep, in one script: more would hold up Redis. */
const SWEEP_LIMIT = 1000;

export function startSweeper(context: WorkerContext): { stop(): void } {
  const { completions, webhooks, config, logger, stopping } = context;
  const ttl = config.COMPLETIONS_TTL_MS;
  const clean = async (queue: Queue, state: 'wait' | 'delayed') => {
    let removed: string[];
    do {
      removed = await queue.clean(ttl, SWEEP_LIMIT, state);
      if (removed.length > 0) {
        logger.warn(
          { queue: queue.name, removed: removed.length },
          'completion events that nobody took were removed',
        );
      }
    } while (removed.length === SWEEP_LIMIT && !stopping.aborted);
  };
  const sweep = async () => {
    await clean(completions, 'wait');
    // A webhook that is on takes its events itself; what one left that was switched off, nobody does.
    if (config.COMPLETION_WEBHOOK_URL !== null || (await webhooks.count()) === 0) return;
    await clean(webhooks, 'wait');
    await clean(webhooks, 'delayed');
  };
  const timer = setInterval(
    () => sweep().catch((error) => logger.warn(errorFields(error), 'sweeping failed')),
    Math.min(ttl / SWEEPS_PER_TTL, MAX_INTERVAL_MS),
  );
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
