/**
 * Erases results that came to S3 after their batch was erased: a worker had stood still while it stored one, and
 * died before it could erase it again. Nobody knows the name of such an object any more, so all names are read,
 * and compared by their digest: a thousand a request, and only while a storing of an erased batch has no end.
 */
import { errorFields } from '../../errors.js';
import { erasedKey, lateResultsSweepKey, storingKey } from '../../jobs/keys/redis-keys.js';
import type { WorkerContext } from '../context.js';
import { FORGOTTEN_MS, objectDigestOf, readStoring, withResultsEraser } from '../erased-batches.js';

const INTERVAL_MS = 60_000;
/** Held for most of the interval, so that one worker of all does it. */
const HELD_MS = 50_000;
/** A store has answered by then, or nearly never. */
const UNANSWERED_MS = 60_000;

type SweepContext = Pick<WorkerContext, 'redis' | 'config' | 'clock' | 'logger'>;

export function startLateResultsSweep(context: SweepContext): { stop(): void } {
  const { redis, config, logger } = context;
  const run = async () => {
    const key = lateResultsSweepKey(config.QUEUE_PREFIX);
    if ((await redis.set(key, '1', 'PX', HELD_MS, 'NX')) !== null) await sweepLateResults(context);
  };
  const timer = setInterval(() => {
    run().catch((error) => logger.warn(errorFields(error), 'the sweep of late results failed'));
  }, INTERVAL_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/** @param unansweredMs Results whose storing began so long ago are sought. */
export async function sweepLateResults(
  { redis, config, clock, logger }: SweepContext,
  unansweredMs = UNANSWERED_MS,
): Promise<void> {
  const storing = storingKey(config.QUEUE_PREFIX);
  const now = clock.now();
  const members = await redis.zrangebyscore(storing, '-inf', now - unansweredMs);
  if (members.length === 0) return;
  const pipeline = redis.pipeline();
  for (const member of members)
    pipeline.exists(erasedKey(config.QUEUE_PREFIX, readStoring(member).batchDigest));
  const replies = (await pipeline.exec()) ?? [];
  const erased = members.filter((_, i) => replies[i]?.[1] === 1);
  if (erased.length > 0) {
    const digests = new Set(erased.map((member) => readStoring(member).objectDigest));
    const removed = await withResultsEraser(config, (eraser) =>
      eraser.eraseObjects(config.RESULTS_BUCKET, config.RESULTS_PREFIX, (key) =>
        digests.has(objectDigestOf(key)),
      ),
    );
    if (removed > 0) logger.warn({ removed }, 'results that came after their erase were erased');
  }
  await redis.zremrangebyscore(storing, '-inf', now - FORGOTTEN_MS);
}
