/**
 * Writes into the log what others have changed that have no log of ours: commands, and apps through the
 * client. Any number of workers may do this at once: each record is taken by one of them.
 */
import { logAudit } from '../../batches/audit.js';
import { readAuditRecord } from '../../jobs/audit-record.js';
import { auditKey } from '../../jobs/keys/redis-keys.js';
import type { WorkerContext } from '../context.js';

/** Somebody reads the log seconds later at the earliest. */
const INTERVAL_MS = 2000;
const TAKEN_AT_ONCE = 100;

export function startAuditRelay({
  redis,
  config,
  logger,
}: Pick<WorkerContext, 'redis' | 'config' | 'logger'>): { stop(): Promise<void> } {
  const key = auditKey(config.QUEUE_PREFIX);
  const relay = async () => {
    const records = await redis.lpop(key, TAKEN_AT_ONCE);
    for (const text of records ?? []) {
      const record = readAuditRecord(text);
      if (record) logAudit(logger, record);
    }
  };
  // An error may be ignored: others report that Redis is away, and the records stay there.
  const timer = setInterval(() => void relay().catch(() => {}), INTERVAL_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await relay().catch(() => {});
    },
  };
}
