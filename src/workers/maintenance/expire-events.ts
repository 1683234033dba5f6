/**
 * Removes completion events that nobody took: a waiting job has no time to live of its own, and a
 * queue without consumers must not fill Redis.
 */
import type { Queue } from 'bullmq';
import { errorFields } from '../../logging.js';
import type { WorkerContext } from '../context.js';

/** An event is removed at most a tenth of its life late, and in any case within an hour. */
const EXPIRIES_PER_TTL = 10;
const MAX_INTERVAL_MS = 3_600_000;
/** Events that one script removes. More would hold up Redis. */
const EXPIRY_LIMIT = 1000;

export function startEventExpiry(context: WorkerContext): { stop(): void } {
  const { completions, webhooks, config, logger, stopping } = context;
  const ttl = config.COMPLETIONS_TTL_MS;
  const clean = async (queue: Queue, state: 'wait' | 'delayed') => {
    let removed: string[];
    do {
      removed = await queue.clean(ttl, EXPIRY_LIMIT, state);
      if (removed.length > 0) {
        logger.warn(
          { queue: queue.name, removed: removed.length },
          'completion events that nobody took were removed',
        );
      }
    } while (removed.length === EXPIRY_LIMIT && !stopping.aborted);
  };
  const expire = async () => {
    await clean(completions, 'wait');
    // A webhook that is on takes its events itself; what one left that was switched off, nobody does.
    if (config.COMPLETION_WEBHOOK_URL !== null || (await webhooks.count()) === 0) return;
    await clean(webhooks, 'wait');
    await clean(webhooks, 'delayed');
  };
  const timer = setInterval(
    () => expire().catch((error) => logger.warn(errorFields(error), 'expiring events failed')),
    Math.min(ttl / EXPIRIES_PER_TTL, MAX_INTERVAL_MS),
  );
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
