/**
 * Writes into the log what others have changed that have no log of ours: commands, and apps through the
 * client. A record is removed once it is in the log, so a worker that dies between the two leaves it to
 * another one: it may be there twice, and is never lost.
 */
import { logAudit } from '../../batches/audit.js';
import { readAuditRecord } from '../../jobs/audit-record.js';
import { auditKey, auditRelayKey } from '../../jobs/keys/redis-keys.js';
import type { WorkerContext } from '../context.js';

/** Somebody reads the log seconds later at the earliest. */
const INTERVAL_MS = 2000;
/** One worker at a time writes them, so that each is there once; a page of them takes a few ms. */
const HELD_MS = 1000;
const RELAYED_AT_ONCE = 100;

export function startAuditRelay({
  redis,
  config,
  logger,
}: Pick<WorkerContext, 'redis' | 'config' | 'logger'>): { stop(): Promise<void> } {
  const key = auditKey(config.QUEUE_PREFIX);
  const read = () => redis.lrange(key, 0, RELAYED_AT_ONCE - 1);
  const relay = async () => {
    if ((await redis.llen(key)) === 0) return;
    const held = auditRelayKey(config.QUEUE_PREFIX);
    if ((await redis.set(held, '1', 'PX', HELD_MS, 'NX')) === null) return;
    let records: string[];
    do {
      records = await read();
      const removal = redis.pipeline().pexpire(held, HELD_MS);
      for (const text of records) {
        const record = readAuditRecord(text);
        if (record) logAudit(logger, record);
        removal.lrem(key, 1, text);
      }
      // Records that could not be removed must not come again at once.
      for (const [error] of (await removal.exec()) ?? []) if (error) throw error;
    } while (records.length === RELAYED_AT_ONCE);
  };
  let running: Promise<void> | undefined;
  const run = () => {
    // An error may be ignored: others report that Redis is away, and the records stay there.
    running ??= relay()
      .catch(() => {})
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const timer = setInterval(run, INTERVAL_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
      await run();
    },
  };
}
