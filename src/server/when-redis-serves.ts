/**
 * The first contact of a server with its Redis. A worker in the same process makes it itself.
 *
 * A server is there before its Redis: health says so. What only a change of the configuration mends ends it.
 */
import type { ClientQueues } from '../batches/client-queues.js';
import { RedisUnavailableError } from '../errors.js';
import type { Logger } from '../logging.js';
import { checkPermissions, refusalAtStart } from '../redis/permissions.js';
import { isReplyError, redisAddress, refusesForNow, writeRefusal } from '../redis/reply-error.js';
import { whenReady } from '../redis/worker-connection.js';
import { tryWrite } from '../redis/write-gate.js';

/**
 * Resolves when Redis serves, however long it is away. One that takes no writes for now is served from:
 * pages that read are wanted then more than ever.
 * @throws RedisUnavailableError when Redis is there and refuses us.
 */
export async function whenRedisServes(
  { link: { redis }, prefix }: ClientQueues,
  logger: Logger,
): Promise<void> {
  for (;;) {
    await whenReady(redis, logger);
    try {
      await tryWrite(redis, prefix);
      return await checkPermissions(redis, prefix, 'server');
    } catch (error) {
      if (error instanceof RedisUnavailableError) throw error;
      // It has gone away again.
      if (!isReplyError(error)) continue;
      if (refusesForNow(error)) {
        const refusal = `Redis at ${redisAddress(redis)} refuses writes: ${writeRefusal(error, redis)}`;
        logger.warn({}, `${refusal}; until then this server only reads, and is not ready`);
        return;
      }
      const refusal = await refusalAtStart(redis, prefix, 'server', error);
      throw refusal;
    }
  }
}
